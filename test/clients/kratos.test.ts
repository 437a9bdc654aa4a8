import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'
import type { HttpFailure, HttpResponse, OutgoingRequest, Send } from '../../src/clients/http/message.ts'
import { createKratosAdmin, createWhoami } from '../../src/clients/kratos.ts'
import { millis } from '../../src/lib/time.ts'

function fakeSend(answer: Partial<HttpResponse> | HttpFailure): { send: Send; seen: OutgoingRequest[] } {
  const seen: OutgoingRequest[] = []
  const full: HttpResponse | HttpFailure =
    answer.kind === 'failed' ? answer : { kind: 'answered', status: 200, headers: [], body: '{}', ...answer }
  return {
    seen,
    async send(request) {
      seen.push(request)
      return full
    },
  }
}
const FAILED: HttpFailure = { kind: 'failed', cause: 'connect', message: 'kratos.admin: no connection' }
const timeout = millis(2_000)
const url = 'http://kratos:4433/sessions/whoami?a=b'

for (const [what, credential, header] of [
  [
    'a cookie',
    { kind: 'cookie', name: 'ory_kratos_session', value: 'MTc=' },
    ['cookie', 'ory_kratos_session=MTc='],
  ],
  ['a token', { kind: 'token', name: '', value: 'ory_st_x' }, ['x-session-token', 'ory_st_x']],
] as const) {
  test(`whoami sends ${what} as its only credential to the unchanged URL`, async () => {
    const { send, seen } = fakeSend({})
    await createWhoami({ send, timeout })({
      url,
      credential,
      headers: [
        ['X-Proxy', '1'],
        ['Cookie', 'static=1'],
        ['AUTHORIZATION', 'Bearer static'],
        ['X-Session-Token', 'static'],
      ],
    })
    assert.deepEqual(seen, [
      {
        method: 'GET',
        url,
        headers: [['accept', 'application/json'], ['X-Proxy', '1'], header],
        timeout,
        retries: 1,
        target: 'kratos.whoami',
      },
    ])
  })
}

test('whoami returns every outcome unchanged', async () => {
  const answer = { kind: 'answered', status: 418, headers: [['a', 'b']], body: '<html>' } as const
  const question = { url, headers: [], credential: { kind: 'token', name: '', value: 't' } } as const
  assert.deepEqual(await createWhoami({ send: fakeSend(answer).send, timeout })(question), answer)
  assert.deepEqual(await createWhoami({ send: fakeSend(FAILED).send, timeout })(question), FAILED)
})

test('an admin lookup goes through the shared HTTP client to the configured origin', async () => {
  const { send, seen } = fakeSend({ body: '{"id":"s1","active":false}' })
  const admin = createKratosAdmin({ url: 'http://kratos:4434/', send, timeout })
  assert.deepEqual(await admin.getSession('a/../b'), { kind: 'found', body: { id: 's1', active: false } })
  assert.deepEqual(
    seen.map(({ method, url, target }) => [method, url, target]),
    [['GET', 'http://kratos:4434/admin/sessions/a%2F..%2Fb?expand=identity', 'kratos.admin']],
  )
})

test('an admin lookup distinguishes error statuses from failures, without an error that carries headers', async () => {
  for (const status of [404, 500, 307]) {
    const admin = createKratosAdmin({ url: 'http://kratos:4434', send: fakeSend({ status }).send, timeout })
    assert.deepEqual(await admin.getSession('s1'), { kind: 'refused', status })
  }
  const page = createKratosAdmin({
    url: 'http://kratos:4434',
    send: fakeSend({ body: '<html>' }).send,
    timeout,
  })
  assert.equal((await page.getSession('s1')).kind, 'failed')
  const down = createKratosAdmin({ url: 'http://kratos:4434', send: fakeSend(FAILED).send, timeout })
  assert.deepEqual(await down.getSession('s1'), FAILED)
})

test('loads Ory’s client only when it is needed', () => {
  const script = `
    await import(${JSON.stringify(new URL('../../src/clients/kratos.ts', import.meta.url).href)})
    const { Module } = await import('node:module')
    process.stdout.write(String(Object.keys(Module._cache).filter(file => /axios|@ory/.test(file)).length))`
  assert.equal(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
    '0',
  )
})
