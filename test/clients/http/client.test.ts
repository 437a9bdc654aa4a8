import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import {
  createHttpClient,
  type HttpClient,
  type HttpClientDependencies,
} from '../../../src/clients/http/client.ts'
import type { OutgoingRequest } from '../../../src/clients/http/message.ts'
import { type Instant, millis } from '../../../src/lib/time.ts'
import { realClock } from '../../support/clock.ts'
import { type FakeHost, startHttpHost, startRawHost } from '../../support/http_host.ts'

type RequestFields = Partial<OutgoingRequest> & { url: string }

function createTestClient(t: TestContext, options: Partial<HttpClientDependencies> = {}): HttpClient {
  const http = createHttpClient({ clock: realClock, ...options })
  t.after(() => http.close())
  return http
}
async function closeAfter(t: TestContext, host: Promise<FakeHost>): Promise<FakeHost> {
  const up = await host
  t.after(() => up.close())
  return up
}
const send = (http: HttpClient, wanted: RequestFields) =>
  http.send({ method: 'GET', headers: [], timeout: millis(5_000), target: 'test', ...wanted })

test('returns the status, header lines and body of a response', async t => {
  const host = await closeAfter(
    t,
    startHttpHost((_request, response) => {
      response.setHeader('Set-Cookie', ['a=1', 'b=2'])
      response.writeHead(403, { 'X-Kind': 'test' }).end('grüezi')
    }),
  )
  const answer = await send(createTestClient(t), { url: `${host.url}/p?q=1` })
  assert.equal(answer.kind, 'answered')
  if (answer.kind !== 'answered') return
  assert.equal(answer.status, 403)
  assert.equal(answer.body, 'grüezi')
  assert.deepEqual(
    answer.headers.filter(([name]) => name === 'set-cookie'),
    [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
  )
  assert.ok(answer.headers.some(([name, value]) => name === 'x-kind' && value === 'test'))
})

test('sends method, path, query, body and headers, and requests no compression', async t => {
  const seen: unknown[] = []
  const host = await closeAfter(
    t,
    startHttpHost(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const { connection, host: name, ...headers } = request.headers
      seen.push([
        request.method,
        request.url,
        headers,
        body,
        connection === 'keep-alive',
        name === request.headers.host,
      ])
      response.end()
    }),
  )
  const http = createTestClient(t)
  await send(http, {
    url: `${host.url}/a%20b?x=%201&y`,
    method: 'POST',
    body: 'hello',
    headers: [
      ['X-Two', '1'],
      ['x-two', '2'],
      ['X-Text', 'zürich'],
      // Headers of another request's connection are not copied.
      ['Content-Length', '99'],
      ['Transfer-Encoding', 'chunked'],
      ['Connection', 'close'],
    ],
  })
  assert.deepEqual(seen, [
    [
      'POST',
      '/a%20b?x=%201&y',
      {
        'x-two': '1, 2',
        'x-text': Buffer.from('zürich').toString('latin1'),
        'accept-encoding': 'identity',
        'content-length': '5',
      },
      'hello',
      true,
      true,
    ],
  ])
})

test('sends the user information of a URL as Basic authentication', async t => {
  let seen: string | undefined
  const host = await closeAfter(
    t,
    startHttpHost((request, response) => {
      seen = request.headers.authorization
      response.end()
    }),
  )
  await send(createTestClient(t), { url: host.url.replace('//', '//me:p%40ss@') })
  assert.equal(seen, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

test('reports redirects without following them, and ignores the proxy of the environment by default', async t => {
  let calls = 0
  const host = await closeAfter(
    t,
    startHttpHost((_request, response) => {
      calls++
      response.writeHead(302, { location: '/login' }).end()
    }),
  )
  process.env.http_proxy = 'http://127.0.0.1:1'
  t.after(() => delete process.env.http_proxy)
  const answer = await send(createTestClient(t), { url: host.url })
  assert.equal(answer.kind === 'answered' && answer.status, 302)
  assert.equal(calls, 1)
})

test('a refused connection is a connect failure whose message has neither query nor credential', async t => {
  const answer = await send(createTestClient(t), {
    url: 'http://user:secret@127.0.0.1:1/p?token=secret',
    headers: [['cookie', 'secret']],
  })
  assert.deepEqual(answer, {
    kind: 'failed',
    cause: 'connect',
    message: 'test: connection failed (ECONNREFUSED)',
  })
})

test('a host that never responds causes a timeout, or a deadline failure if the deadline comes first', async t => {
  let asked = 0
  const host = await closeAfter(
    t,
    startRawHost(() => {
      asked++
    }),
  )
  const http = createTestClient(t)
  const slow = await send(http, { url: host.url, timeout: millis(60) })
  assert.equal(slow.kind === 'failed' && slow.cause, 'timeout')
  const deadline = (realClock.now() + 60) as Instant
  const late = await send(http, { url: host.url, deadline })
  assert.equal(late.kind === 'failed' && late.cause, 'deadline')
  const past = await send(http, { url: host.url, deadline: (deadline - 60) as Instant })
  assert.equal(past.kind === 'failed' && past.cause, 'deadline')
  assert.equal(asked, 2, 'a call whose deadline has passed is not made')
})

test('a response that arrives byte by byte does not outlast the timeout', async t => {
  const host = await closeAfter(
    t,
    startRawHost(socket => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 5)
      socket.on('close', () => clearInterval(timer))
    }),
  )
  const answer = await send(createTestClient(t), { url: host.url, timeout: millis(120) })
  assert.equal(answer.kind === 'failed' && answer.cause, 'timeout')
})

for (const [what, bytes] of [
  ['with a length', `HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n${'x'.repeat(3000)}`],
  [
    'in chunks',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${`64\r\n${'x'.repeat(100)}\r\n`.repeat(30)}`,
  ],
  ['in its headers', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\ncontent-length: 0\r\n\r\n`],
] as const) {
  test(`aborts a response that is too large ${what}`, async t => {
    const host = await closeAfter(
      t,
      startRawHost(socket => socket.write(bytes)),
    )
    const answer = await send(createTestClient(t), { url: host.url, maxBytes: 1000 })
    assert.equal(answer.kind === 'failed' && answer.cause, 'too_large')
  })
}

for (const [cause, bytes] of [
  ['malformed', 'hello there\r\n\r\n'],
  ['malformed', 'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc'],
  ['reset', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'],
] as const) {
  test(`${JSON.stringify(bytes)} is ${cause}`, async t => {
    const host = await closeAfter(
      t,
      startRawHost(socket => socket.end(bytes)),
    )
    const answer = await send(createTestClient(t), { url: host.url, retries: 1 })
    assert.equal(answer.kind === 'failed' && answer.cause, cause)
    assert.equal(host.connectionCount(), 1, 'a response that has started is not retried')
  })
}

test('retries a connection that closes before the first byte as often as configured', async t => {
  let accepted = 0
  const host = await closeAfter(
    t,
    startRawHost(socket => {
      accepted++
      if (accepted < 3) socket.destroy()
      else socket.end('HTTP/1.1 204 No Content\r\n\r\n')
    }),
  )
  const once = await send(createTestClient(t), { url: host.url })
  assert.equal(once.kind === 'failed' && once.cause, 'reset')
  assert.equal(accepted, 1)
  const again = await send(createTestClient(t), { url: host.url, retries: 1 })
  assert.equal(again.kind === 'answered' && again.status, 204)
  assert.equal(accepted, 3)
})

test('a retry budget can prevent a retry', async t => {
  let accepted = 0
  const host = await closeAfter(
    t,
    startRawHost(socket => {
      accepted++
      socket.destroy()
    }),
  )
  const answer = await send(createTestClient(t), { url: host.url, retries: 3, mayRetry: () => accepted < 2 })
  assert.equal(answer.kind === 'failed' && answer.cause, 'reset')
  assert.equal(accepted, 2)
})

for (const [what, wanted] of [
  ['a relative URL', { url: '/sessions/whoami' }],
  ['another scheme', { url: 'file:///etc/passwd' }],
  ['a method with a space', { url: 'http://127.0.0.1:1/', method: 'GE T' }],
  ['CONNECT', { url: 'http://127.0.0.1:1/', method: 'CONNECT' }],
  ['a header value with a line break', { url: 'http://127.0.0.1:1/', headers: [['a', 'b\r\nc: d']] }],
  ['a header name with a space', { url: 'http://127.0.0.1:1/', headers: [['a b', 'c']] }],
] as const satisfies readonly (readonly [string, RequestFields])[]) {
  test(`${what} fails as malformed and nothing is sent`, async t => {
    const answer = await send(createTestClient(t), wanted)
    assert.equal(answer.kind === 'failed' && answer.cause, 'malformed')
  })
}

test('reuses connections and bounds their number', async t => {
  const host = await closeAfter(
    t,
    startHttpHost((_request, response) => setTimeout(() => response.end(), 5)),
  )
  const http = createTestClient(t, { maxConnectionsPerOrigin: 3 })
  const answers = await Promise.all(Array.from({ length: 30 }, () => send(http, { url: host.url })))
  assert.ok(answers.every(answer => answer.kind === 'answered'))
  assert.equal(host.connectionCount(), 3)
})

test('calls beyond the limit of an origin fail at once, and calls that timed out are not sent', async t => {
  const asked: string[] = []
  const host = await closeAfter(
    t,
    startRawHost((_socket, data) => asked.push(data.split(' ', 2)[1] as string)),
  )
  const http = createTestClient(t, { maxConnectionsPerOrigin: 1, maxCallsPerOrigin: 2 })
  const first = send(http, { url: `${host.url}/first`, timeout: millis(150) })
  const second = send(http, { url: `${host.url}/second`, timeout: millis(50) })
  const third = await send(http, { url: `${host.url}/third` })
  assert.equal(third.kind === 'failed' && third.cause, 'busy')
  assert.deepEqual(
    (await Promise.all([first, second])).map(answer => answer.kind === 'failed' && answer.cause),
    ['timeout', 'timeout'],
  )
  const fourth = await send(http, { url: `${host.url}/fourth`, timeout: millis(100) })
  assert.equal(fourth.kind === 'failed' && fourth.cause, 'timeout', 'the slots are free again')
  assert.deepEqual(asked, ['/first', '/fourth'], 'the second call timed out before a connection was free')
})

test('opening one origin too many closes the least recently used one after its last call', async t => {
  const hosts = await Promise.all(
    [0, 1, 2].map(() =>
      closeAfter(
        t,
        startHttpHost((_request, response) => setTimeout(() => response.end('ok'), 30)),
      ),
    ),
  )
  const http = createTestClient(t, { maxOrigins: 1 })
  const answers = await Promise.all(hosts.map(host => send(http, { url: host.url })))
  assert.ok(answers.every(answer => answer.kind === 'answered'))
  const [first] = hosts as [FakeHost]
  await send(http, { url: first.url })
  assert.equal(first.connectionCount(), 2)
})

test('close fails pending calls and all later ones', async t => {
  const asked = Promise.withResolvers<void>()
  const host = await closeAfter(
    t,
    startRawHost(() => asked.resolve()),
  )
  const http = createTestClient(t)
  const under = send(http, { url: host.url })
  await asked.promise
  await http.close()
  assert.deepEqual(await under, {
    kind: 'failed',
    cause: 'closed',
    message: 'test: shutting down (UND_ERR_DESTROYED)',
  })
  const later = await send(http, { url: host.url })
  assert.equal(later.kind === 'failed' && later.cause, 'closed')
  assert.equal(host.connectionCount(), 1)
})

test('close does not wait for the last call of an evicted origin', async t => {
  const asked = Promise.withResolvers<void>()
  const silent = await closeAfter(
    t,
    startRawHost(() => asked.resolve()),
  )
  const other = await closeAfter(
    t,
    startHttpHost((_request, response) => response.end()),
  )
  const http = createTestClient(t, { maxOrigins: 1 })
  const under = send(http, { url: silent.url })
  await asked.promise
  await send(http, { url: other.url })
  await http.close()
  const answer = await under
  assert.equal(answer.kind === 'failed' && answer.cause, 'closed')
})

test('a deadline that moves while the call runs ends it at its latest value', async t => {
  const host = await closeAfter(
    t,
    startHttpHost((_request, response) => setTimeout(() => response.end('ok'), 150)),
  )
  let deadline = (performance.now() + 40) as Instant
  const answer = send(createTestClient(t), { url: host.url, deadline: () => deadline })
  deadline = (deadline + 10_000) as Instant
  assert.equal((await answer).kind, 'answered')
})
