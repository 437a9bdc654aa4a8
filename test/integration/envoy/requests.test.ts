/** Tests of allowed and denied requests of all kinds through a real Envoy to real upstreams, without Kratos. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { sessionDocument } from '../../support/kratos.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'
import { callGrpcEcho } from './support/grpc_upstream.ts'
import { sendHttp2, sendRawRequest } from './support/raw_request.ts'

const rule = (id: string, url: string, authenticator: string, more = ''): string => `
- id: ${id}
  match: { url: "${url}", methods: [GET, POST] }
  authenticators: [ { handler: ${authenticator} } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
${more}`

const RULES = [
  rule('open', '<https?>://<[^/]+>/open<.*>', 'anonymous'),
  rule('closed', '<https?>://<[^/]+>/closed<.*>', 'unauthorized'),
  rule('silent', '<https?>://<[^/]+>/silent<.*>', 'noop').replace(
    / {2}mutators.*\n/,
    '  mutators: [ { handler: noop } ]\n',
  ),
  rule(
    'page',
    '<https?>://<[^/]+>/page',
    'unauthorized',
    `  errors: [ { handler: redirect, config: { to: "http://login.example/", return_to_query_param: back, when: [ { request: { header: { accept: [text/html] } } } ] } } ]\n`,
  ),
  rule('session', '<https?>://<[^/]+>/session', 'cookie_session'),
  rule('grpc-open', '<https?>://<[^/]+>/credence.test.Echo/Say', 'anonymous'),
].join('')

let environment: EnvoyEnvironment
before(async () => {
  environment = await startEnvoyEnvironment({ rules: RULES })
})
after(() => environment.close())

interface Echoed {
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

describe('a request through Envoy', () => {
  test('is allowed with the headers of its rule and its own body', async () => {
    const page = await environment.fetch('/open/a?b=c', { fields: { x: 'y' } })
    assert.equal(page.status, 200)
    const { target, headers, body } = page.json<Echoed>()
    assert.equal(target, '/open/a?b=c')
    assert.equal(headers['x-user-id'], 'guest')
    assert.equal(body, '{"x":"y"}')
  })

  test('is denied with JSON that contains the request id', async () => {
    const page = await environment.fetch('/closed', { headers: { 'x-request-id': 'rid-1' } })
    assert.equal(page.status, 401)
    const { error } = page.json<{ error: { code: number; request: string } }>()
    assert.deepEqual([error.code, error.request], [401, 'rid-1'])
    assert.equal(page.headers.get('x-upstream'), undefined)
  })

  test('that matches no rule is 404 and reaches no upstream', async () => {
    const before = environment.echo.receivedRequests.length
    assert.equal((await environment.fetch('/nowhere')).status, 404)
    assert.equal(environment.echo.receivedRequests.length, before)
  })

  test('of a browser is redirected with its return address', async () => {
    const page = await environment.fetch('/page?x=1', { accept: 'html' })
    assert.equal(page.status, 302)
    const back = encodeURIComponent(`${environment.origin}/page?x=1`)
    assert.equal(page.headers.get('location'), `http://login.example/?back=${back}`)
    assert.equal((await environment.fetch('/page')).status, 401)
  })

  test('cannot send a header that any rule may set', async () => {
    const forged = { 'x-user-id': 'root' }
    const written = (await environment.fetch('/open', { headers: forged })).json<Echoed>()
    assert.equal(written.headers['x-user-id'], 'guest')
    const silent = (await environment.fetch('/silent', { headers: forged })).json<Echoed>()
    assert.equal(silent.headers['x-user-id'], undefined)
  })

  test('cannot bypass a rule by another spelling of its path', async () => {
    const targets = [
      '/open/../closed',
      '/open/%2e%2e/closed',
      '/open/..;/closed',
      '/open/..%2fclosed',
      '//closed',
      '/open//../../closed',
    ]
    for (const target of targets) {
      const before = environment.raw.receivedHeads.length
      const answer = await sendRawRequest(environment.ports.envoy, target)
      assert.ok([400, 401, 404].includes(answer.status), `${target}: ${answer.status}`)
      assert.equal(environment.raw.receivedHeads.length, before, target)
    }
    assert.equal((await sendRawRequest(environment.ports.envoy, '/open/x')).status, 200)
    assert.match(environment.raw.receivedHeads.at(-1) ?? '', /^GET \/open\/x HTTP\/1\.1\r\n/)
  })
})

describe('a response', () => {
  test('has the headers of the rule even if the client lists them as hop-by-hop (D6)', async () => {
    const before = environment.raw.receivedHeads.length
    await sendRawRequest(environment.ports.envoy, '/open/x', ['connection: x-user-id', 'x-user-id: root'])
    const head = environment.raw.receivedHeads[before] ?? ''
    assert.match(head, /\r\nx-user-id: guest(\r\n|$)/i)
    assert.doesNotMatch(head, /\r\nconnection:.*x-user-id/i)
    assert.doesNotMatch(head, /root/)
  })

  test('that denies HEAD has a Content-Length and no body', async () => {
    const refused = await sendRawRequest(environment.ports.envoy, '/nowhere', [], 'HEAD')
    assert.equal(refused.status, 404)
    const [head = '', body] = refused.text.split('\r\n\r\n')
    assert.match(head, /content-length: [1-9]/i)
    assert.equal(body, '')
  })

  test('that denies is not cacheable, and browsers do not guess its type (D14, D15)', async () => {
    for (const path of ['/closed', '/nowhere', '/a%2fb']) {
      const { headers } = await environment.fetch(path)
      assert.equal(headers.get('cache-control'), 'no-store', path)
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
      assert.match(headers.get('content-type') ?? '', /^application\/json/, path)
    }
  })

  test('has the cookies that Kratos renews beside those of the application, once (D13)', async () => {
    const kratos = createServer((_request, response) => {
      const set = ['ory_kratos_session=renewed; Path=/; HttpOnly', 'csrf=1']
      response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': set })
      response.end(JSON.stringify({ ...sessionDocument(), expires_at: '2099-01-01T00:00:00Z' }))
    }).listen(environment.ports.kratosPublic, '127.0.0.1')
    await once(kratos, 'listening')
    const headers = { cookie: 'ory_kratos_session=x' }
    const first = await environment.fetch('/session?own-cookie', { headers })
    const second = await environment.fetch('/session?own-cookie', { headers })
    kratos.closeAllConnections()
    kratos.close()
    assert.equal(first.status, 200, first.body)
    assert.deepEqual(first.setCookies.toSorted(), [
      'ory_kratos_session=renewed; Path=/; HttpOnly',
      'upstream=1',
    ])
    assert.deepEqual(second.setCookies, ['upstream=1'])
  })
})

describe('other protocols', () => {
  test('server-sent events are streamed after one Check', async () => {
    const response = await fetch(`${environment.origin}/open/events`, {
      headers: { 'x-request-id': 'events-1' },
    })
    const reader = (response.body as ReadableStream).pipeThrough(new TextDecoderStream()).getReader()
    assert.equal((await reader.read()).value, 'data: first\n\n', 'before the stream has ended')
    environment.echo.endEvents()
    assert.equal((await reader.read()).value, 'data: last\n\n')
    assert.equal((await reader.read()).done, true)
    assert.equal((await environment.waitForLogRecords('events-1')).length, 1)
  })

  test('a denied gRPC call is HTTP 200 with a gRPC status and no body (D17)', async () => {
    const call = (path: string) =>
      sendHttp2(environment.ports.envoy, {
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      })
    const refused = await call('/closed/grpc')
    assert.deepEqual([refused.status, refused.headers['grpc-status'], refused.body], [200, '16', ''])
    assert.equal(refused.headers['grpc-message'], 'Unauthorized')
    assert.equal(refused.headers.location, undefined)
    assert.equal((await call('/nowhere')).headers['grpc-status'], '12', 'no rule: unimplemented')
  })

  const socket = (path: string) => new WebSocket(`ws://127.0.0.1:${environment.ports.envoy}${path}`)

  test('a WebSocket is checked at its upgrade only (E8)', async () => {
    const open = socket('/open/ws')
    const answer = await new Promise(resolve => {
      open.onopen = () => open.send('hello')
      open.onmessage = event => resolve(event.data)
      open.onerror = () => resolve('error')
    })
    assert.equal(answer, 'hello')
    assert.equal(environment.echo.receivedRequests.at(-1)?.header('x-user-id'), 'guest')
    open.close()
    const closed = socket('/closed/ws')
    assert.equal(
      await new Promise(resolve => {
        closed.onopen = () => resolve('open')
        closed.onerror = () => resolve('denied')
      }),
      'denied',
    )
  })

  test('a gRPC call reaches its upstream with the headers of the rule, and a denial is a gRPC status', async () => {
    const reply = await callGrpcEcho(environment.ports.envoy, 'hello', {
      'x-upstream': 'grpc',
      'x-user-id': 'root',
    })
    assert.deepEqual([reply.code, reply.text], [0, 'hello'])
    assert.equal(environment.grpc.receivedMetadata.at(-1)?.['x-user-id'], 'guest')
    await environment.writeRules(RULES.replace(/(grpc-open[\s\S]*?)anonymous/, '$1unauthorized'))
    assert.equal((await callGrpcEcho(environment.ports.envoy, 'hello', { 'x-upstream': 'grpc' })).code, 16)
    await environment.writeRules(RULES)
  })

  test('a rule can match a gRPC method instead of a URL', async () => {
    const byMethod = (method: string) =>
      RULES.replace(
        /match:[^\n]*credence\.test\.Echo\/Say[^\n]*/,
        `match: { authority: "<.*>", full_method: "credence.test.Echo/${method}" }`,
      )
    assert.notEqual(byMethod('Say'), RULES)
    await environment.writeRules(byMethod('Say'))
    assert.equal((await callGrpcEcho(environment.ports.envoy, 'hello', { 'x-upstream': 'grpc' })).code, 0)
    assert.equal(environment.grpc.receivedMetadata.at(-1)?.['x-user-id'], 'guest')
    assert.equal((await environment.fetch('/credence.test.Echo/Say', { method: 'POST' })).status, 404)
    await environment.writeRules(byMethod('Other'))
    assert.equal((await callGrpcEcho(environment.ports.envoy, 'hello', { 'x-upstream': 'grpc' })).code, 12)
    await environment.writeRules(RULES)
  })
})

describe('changes at run time', () => {
  test('new rules apply once they are loaded, and a broken file keeps the old ones', async () => {
    assert.equal((await environment.fetch('/later')).status, 404)
    await environment.writeRules(RULES + rule('later', '<https?>://<[^/]+>/later', 'anonymous'))
    assert.equal((await environment.fetch('/later')).status, 200)
    await environment.writeRules('- id: broken\n  match: { url: "<(a+)+>" ', 'broken')
    assert.equal((await environment.fetch('/later')).status, 200)
    await environment.writeRules(RULES)
    assert.equal((await environment.fetch('/later')).status, 404)
  })

  test('without Credence every request is 503; after its restart requests are decided again', async () => {
    await environment.killCredence()
    assert.equal((await environment.fetch('/open')).status, 503)
    await environment.startCredence()
    assert.equal((await environment.fetch('/open')).status, 200)
  })
})
