import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import type { Credential } from '../../../src/access/verdict.ts'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import { createWhoami } from '../../../src/clients/kratos.ts'
import { type Instant, millis, plusMillis } from '../../../src/lib/time.ts'
import { createSessionVerifier } from '../../../src/sessions/verifier.ts'
import { realClock } from '../../support/clock.ts'
import { startHttpHost, startRawHost } from '../../support/http_host.ts'
import { sessionDocument } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

const COOKIE: Credential = { kind: 'cookie', name: 'ory_kratos_session', value: 'MTc=' }
/** These tests use the real clock, so `expires_at` is far in the future. */
const BODY = JSON.stringify(sessionDocument({ expires_at: '2999-01-01T00:00:00Z' }))

/** The verifier with real HTTP calls, which time out after 200 ms by default. */
function sessionsOf(t: TestContext, url: string, timeout = 200) {
  const http = createHttpClient({ clock: realClock })
  t.after(() => http.close())
  const sessions = createSessionVerifier({
    clock: realClock,
    whoami: createWhoami({ send: http.send, timeout: millis(timeout) }),
    maxAge: millis(60_000),
    staleIfError: millis(0),
    holdoff: millis(5_000),
    maxEntries: 10,
    secret: Buffer.from('secret of a test'),
    random: () => 0,
  })
  const endpoint = { whoamiUrl: `${url}/sessions/whoami`, headers: [], maxAge: undefined }
  return (deadline = Number.POSITIVE_INFINITY as Instant) =>
    sessions.verify(endpoint, COOKIE, requestWith([['x-session-token', 'another']], { deadline }))
}

test('a thousand requests are one call over a socket with one credential', async t => {
  const calls: unknown[] = []
  const host = await startHttpHost((request, response) => {
    const { cookie, authorization, 'x-session-token': token } = request.headers
    calls.push([request.method, request.url, cookie, authorization, token])
    setTimeout(() => response.setHeader('set-cookie', 'ory_kratos_session=new').end(BODY), 20)
  })
  t.after(() => host.close())
  const verify = sessionsOf(t, host.url, 10_000)
  const verdicts = await Promise.all(Array.from({ length: 1000 }, () => verify()))
  assert.ok(verdicts.every(verdict => verdict.kind === 'verified' && verdict.responseHeaders.length === 1))
  assert.equal((await verify()).kind, 'verified')
  assert.deepEqual(calls, [['GET', '/sessions/whoami', 'ory_kratos_session=MTc=', undefined, undefined]])
})

test('a response is cached even if a request has left before it', async t => {
  let calls = 0
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const host = await startHttpHost(async (_request, response) => {
    calls++
    asked.resolve()
    await answer.promise
    response.end(BODY)
  })
  t.after(() => host.close())
  const verify = sessionsOf(t, host.url, 10_000)
  const patient = verify()
  assert.equal((await verify(plusMillis(realClock.now(), millis(20)))).kind, 'unavailable')
  await asked.promise
  answer.resolve()
  assert.equal((await patient).kind, 'verified')
  assert.equal((await verify()).kind, 'verified')
  assert.equal(calls, 1)
})

const drip = (socket: Socket): void => {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n')
  const timer = setInterval(() => socket.write(' '), 5)
  socket.on('close', () => clearInterval(timer))
}
const reply = (head: string, body = '') => `HTTP/1.1 ${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`

for (const [what, answer] of [
  ['hangs', () => {}],
  ['drips', drip],
  ['resets the connection', (socket: Socket) => socket.resetAndDestroy()],
  ['closes in the middle', (socket: Socket) => socket.end(reply('200 OK', BODY).slice(0, -10))],
  ['answers a page of HTML', (socket: Socket) => socket.end(reply('200 OK', '<html>login</html>'))],
  ['answers more than 1 MiB', (socket: Socket) => socket.end(reply('200 OK', BODY + ' '.repeat(1_100_000)))],
  ['redirects', (socket: Socket) => socket.end(reply('302 Found\r\nlocation: /sessions/whoami'))],
  ['answers 500', (socket: Socket) => socket.end(reply('500 Oops', BODY))],
] as const) {
  test(`Kratos that ${what} is unavailable, and nothing is cached`, async t => {
    let failing = true
    const host = await startRawHost(socket =>
      failing ? answer(socket) : void socket.end(reply('200 OK', BODY)),
    )
    t.after(() => host.close())
    const verify = sessionsOf(t, host.url)
    assert.equal((await verify()).kind, 'unavailable')
    failing = false
    const verdict = await verify()
    assert.equal(verdict.kind === 'verified' && verdict.cache, 'miss')
  })
}
