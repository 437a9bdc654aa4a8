import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import test, { after, before } from 'node:test'
import type { Decision } from '../../src/access/decision.ts'
import { forbidden } from '../../src/access/denial.ts'
import type { Step } from '../../src/access/pipeline.ts'
import type { CompiledRule } from '../../src/access/rule.ts'
import { identity, withHeader } from '../../src/access/session.ts'
import type { Snapshot } from '../../src/access/snapshot.ts'
import { decisionsRoute } from '../../src/api/decisions.ts'
import { type ApiServer, startApiServer } from '../../src/api/server.ts'
import type { Instant } from '../../src/lib/time.ts'

/** Returns the request that the rules see in headers. */
const echoRequest: Step = session => {
  const { method, scheme, host, path, query } = session.request
  const seen = withHeader(session, 'x-seen', [method, scheme, host, path, query].join(' '))
  if (path === '/whence') return withHeader(session, 'x-whence', session.request.remoteAddress)
  if (path === '/hangs') return new Promise<never>(() => {})
  if (path === '/smuggles') return withHeader(session, 'transfer-encoding', 'chunked')
  if (path === '/breaks') return withHeader(session, 'x-user-id', 'a\r\nx-role: admin')
  if (path === '/headers') {
    return withHeader(session, 'x-seen', JSON.stringify([...session.request.headerEntries()]))
  }
  if (path === '/utf8') return withHeader(session, 'x-user-id', 'ü')
  if (path === '/name') return withHeader(session, 'x-name', session.request.header('x-name') ?? '')
  return path === '/forbidden' ? forbidden('forbidden') : withHeader(seen, 'x-user-id', session.subject)
}
const rule = {
  id: 'r',
  authenticators: [{ id: 'a', run: () => identity('u1') }],
  steps: [{ id: 's', run: echoRequest }],
  responders: [
    {
      id: 'e',
      when: () => true,
      respond: (d: { status: number }) => ({ status: d.status, headers: [], body: 'no' }),
    },
  ],
} as unknown as CompiledRule
const snapshot: Snapshot = {
  revision: '1',
  rules: [rule],
  settableHeaders: new Set(['x-user-id', 'x-role']),
  fallbackResponders: [],
  find: () => ({ kind: 'found', rule, captures: [] }),
}

let api: ApiServer
const recorded: Decision[] = []
let trustsProxies = false
let loaded = true
before(async () => {
  const route = decisionsRoute({
    snapshot: () => (loaded ? snapshot : undefined),
    onDecision: [decision => recorded.push(decision)],
    overload: { overloaded: false, inProgress: 0 },
    now: () => performance.now() as Instant,
    paths: 'strict',
    isTrustedProxy: address => trustsProxies && /^(127\.|10\.)/.test(address),
    directOverrides: new Set(),
    timeoutMs: 300,
  })
  const timeouts = { read: 5_000, write: 5_000, idle: 5_000 }
  api = await startApiServer({
    host: '127.0.0.1',
    port: 0,
    timeouts,
    routes: [route],
    cors: undefined,
    tls: undefined,
    onError: () => {},
  })
})
after(() => api.close())

function get(path: string, headers: Record<string, string | string[]> = {}, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const [host, port] = api.address.split(':')
      const outgoing = httpRequest(
        { host, port: Number(port), path, method, headers: { host: 'app.test', ...headers }, agent: false },
        response => {
          let body = ''
          response.setEncoding('utf8').on('data', part => {
            body += part
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          )
        },
      )
      outgoing.on('error', reject).end()
    },
  )
}

const forwarded = {
  'x-forwarded-method': 'PUT',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'other.test',
  'x-forwarded-uri': '/f?y=2',
}

test('in direct mode, the target is the text after /decisions', async () => {
  const { status, headers } = await get('/decisions/a%20b?x=1', {}, 'POST')
  assert.equal(status, 200)
  assert.equal(headers['x-seen'], 'POST http app.test /a b x=1')
  assert.equal(headers['x-user-id'], 'u1')
  assert.equal(headers['x-envoy-auth-headers-to-remove'], 'x-role')
})

test('forwarded headers of an untrusted peer are ignored (Q-28, E1, E2)', async () => {
  assert.equal((await get('/decisions/a', forwarded)).headers['x-seen'], 'GET http app.test /a')
})

test('forwarded headers of a trusted gateway describe the request, its query included (Q-29)', async () => {
  trustsProxies = true
  const { headers } = await get('/decisions', forwarded)
  trustsProxies = false
  assert.equal(headers['x-seen'], 'PUT https other.test /f y=2')
})

test('a call whose X-Forwarded-Uri differs from its own target is denied (E2)', async () => {
  trustsProxies = true
  try {
    for (const [call, uri] of [
      ['/decisions/admin', '/public'],
      ['/decisions/', '/public'],
      ['/decisions/admin?x=1', '/admin?x=2'],
      ['/decisions/admin', '/admin/public'],
    ] as const) {
      const { status, headers } = await get(call, { 'x-forwarded-uri': uri })
      assert.deepEqual([status, headers['x-seen']], [400, undefined], `${call} ${uri}`)
      assert.match(recorded.at(-1)?.metadata.reason ?? '', /names one target/)
    }
    for (const call of ['/decisions', '/decisions?z=3']) {
      const { headers } = await get(call, forwarded)
      assert.equal(headers['x-seen'], 'PUT https other.test /f y=2', call)
    }
    for (const call of ['/decisions/f?y=2', '/decisions/f']) {
      const { headers } = await get(call, { 'x-forwarded-uri': '/f?y=2' })
      assert.equal(headers['x-seen'], 'GET http app.test /f y=2', call)
    }
  } finally {
    trustsProxies = false
  }
})

test('two unequal X-Forwarded-* headers of one name are denied (E2)', async () => {
  trustsProxies = true
  try {
    for (const [part, value] of Object.entries(forwarded)) {
      const { status } = await get('/decisions', { ...forwarded, [part]: ['get', value] })
      assert.equal(status, 400, part)
    }
    assert.equal((await get('/decisions', { ...forwarded, 'x-forwarded-uri': ['/f', '/f'] })).status, 200)
  } finally {
    trustsProxies = false
  }
})

test('behind trusted gateways, the client is the last address that is not one of theirs (E3)', async () => {
  const whence = async (forwardedFor: string | string[]): Promise<unknown> =>
    (await get('/decisions/whence', { 'x-forwarded-for': forwardedFor })).headers['x-whence']
  assert.equal(await whence('203.0.113.9'), '127.0.0.1')
  trustsProxies = true
  try {
    assert.equal(await whence('198.51.100.1, 203.0.113.9, 10.0.0.7'), '203.0.113.9')
    assert.equal(await whence(['198.51.100.1', '2001:db8::9']), '2001:db8::9')
    for (const useless of ['', '10.0.0.7', '198.51.100.1, unknown', '198.51.100.1, "203.0.113.9"'])
      assert.equal(await whence(useless), '127.0.0.1', useless)
  } finally {
    trustsProxies = false
  }
})

test('a gateway may state ws or wss for the handshake of a WebSocket, as Traefik does', async () => {
  const seen = async (proto: string) => {
    const { status, headers } = await get('/decisions', { ...forwarded, 'x-forwarded-proto': proto })
    return headers['x-seen'] ?? status
  }
  trustsProxies = true
  const answers = [await seen('wss'), await seen('WS'), await seen('ftp'), await seen('https,http')]
  trustsProxies = false
  assert.deepEqual(answers, ['PUT wss other.test /f y=2', 'PUT ws other.test /f y=2', 400, 400])
})

test('a denial has the status and the body of its responder', async () => {
  const { status, body } = await get('/decisions/forbidden')
  assert.deepEqual([status, body], [403, 'no'])
})

test('an ambiguous target is 400, in the log as well, and no cache may store it (D15)', async () => {
  const { status, headers, body } = await get('/decisions/a/..%2fb')
  assert.deepEqual([status, headers['cache-control']], [400, 'no-store'])
  assert.equal(JSON.parse(body).error.code, 400)
  const { code, reason } = recorded.at(-1)?.metadata ?? {}
  assert.deepEqual([code, reason], ['bad_request', 'the path has an escaped slash or backslash'])
})

test('a call with two unequal hosts is 400, as in a Check, where Envoy joins them by a comma (J4)', async () => {
  const socket = connect(Number(api.address.split(':')[1]), '127.0.0.1')
  socket.write('GET /decisions/a HTTP/1.1\r\nhost: app.test\r\nhost: other.test\r\nconnection: close\r\n\r\n')
  assert.match(await text(socket), /^HTTP\/1\.1 400 /)
})

test('more than a thousand headers are 431, whether Node or Credence counts them', async () => {
  const lines = Array.from({ length: 1_000 }, () => 'a:\r\n').join('')
  const call = async (more: string) => {
    const socket = connect(Number(api.address.split(':')[1]), '127.0.0.1')
    socket.write(`GET /decisions/a HTTP/1.1\r\nhost: app.test\r\nconnection: close\r\n${more}\r\n`)
    return text(socket)
  }
  assert.match(await call(lines), /^HTTP\/1\.1 431 /)
  assert.match(await call(lines.slice(0, 998 * 4)), /^HTTP\/1\.1 200 /)
})

test('a body of more than a MiB is 413', async () => {
  const socket = connect(Number(api.address.split(':')[1]), '127.0.0.1')
  socket.write('POST /decisions/a HTTP/1.1\r\nhost: app.test\r\ncontent-length: 1048577\r\n\r\n')
  socket.write('x'.repeat(1_048_577))
  const [answer] = await once(socket, 'data')
  socket.destroy()
  assert.match(String(answer), /^HTTP\/1\.1 413 /)
})

test('before the rules are loaded every decision is 503 with Retry-After, in the log as well', async () => {
  loaded = false
  const { status, headers } = await get('/decisions/a')
  loaded = true
  assert.deepEqual([status, headers['retry-after']], [503, '1'])
  assert.equal(recorded.at(-1)?.metadata.reason, 'the rules have not been loaded')
})

test('the route does not answer other paths', async () => {
  assert.equal((await get('/decisionsfoo')).status, 404)
})

for (const path of ['/smuggles', '/breaks']) {
  test(`an allow with an invalid header is 500 for the gateway and in the log: ${path} (J1, D2)`, async () => {
    const { status, headers } = await get(`/decisions${path}`)
    assert.equal(status, 500)
    assert.equal(headers['x-role'], undefined)
    const last = recorded.at(-1)
    assert.deepEqual([last?.kind, last?.metadata.code, last?.metadata.rule], ['deny', 'template', 'r'])
  })
}

test('rules do not see the host among the headers (compared with a running Oathkeeper v0.40.9)', async () => {
  const { headers } = await get('/decisions/headers', { 'x-name': 'n' })
  const seen = new Map(JSON.parse(String(headers['x-seen'])))
  assert.deepEqual([seen.get('x-name'), seen.has('host')], ['n', false])
})

test('text beyond ASCII is sent as UTF-8', async () => {
  const { headers } = await get('/decisions/utf8')
  assert.equal(Buffer.from(String(headers['x-user-id']), 'latin1').toString(), 'ü')
})

test('a header beyond ASCII is read as in a Check: UTF-8, or else Latin-1 (D3)', async () => {
  for (const bytes of [Buffer.from('é'), Buffer.of(0xe9)]) {
    const { headers } = await get('/decisions/name', { 'x-name': bytes.toString('latin1') })
    assert.equal(Buffer.from(String(headers['x-name']), 'latin1').toString(), 'é')
  }
})

test('a decision that takes too long is 503, and the log names its rule (F1)', async () => {
  const { status, headers } = await get('/decisions/hangs')
  assert.deepEqual([status, headers['retry-after'], headers['cache-control']], [503, '1', 'no-store'])
  assert.deepEqual([recorded.at(-1)?.metadata.code, recorded.at(-1)?.metadata.rule], ['deadline', 'r'])
})
