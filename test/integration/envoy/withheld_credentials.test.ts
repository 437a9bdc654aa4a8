/** Tests that the application behind Envoy does not receive a credential with `forward_credential: false`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { after, before, test } from 'node:test'
import { sessionDocument } from '../../support/kratos.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'
import { sendRawRequest } from './support/raw_request.ts'

const rule = (id: string, authenticator: string, config: string): string => `
- id: ${id}
  match: { url: "http://<[^/]+>/${id}", methods: [GET] }
  authenticators: [ { handler: ${authenticator}, config: ${config} } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
`
const RULES =
  rule('cookie', 'cookie_session', '{ forward_credential: false }') +
  rule('token', 'bearer_token', '{ forward_credential: false }') +
  rule('all', 'cookie_session', '{}')

let environment: EnvoyEnvironment
let kratos: Server
before(async () => {
  environment = await startEnvoyEnvironment({
    rules: RULES,
    // Otherwise Envoy joins Cookie lines with commas, and the session is not found.
    editEnvoy: yaml => yaml.replace(/^( *)validate_mutations: true\n/m, '$&$1encode_raw_headers: true\n'),
  })
  kratos = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ ...sessionDocument(), expires_at: '2099-01-01T00:00:00Z' }))
  }).listen(environment.ports.kratosPublic, '127.0.0.1')
  await once(kratos, 'listening')
})
after(async () => {
  await environment?.close()
  kratos?.closeAllConnections()
  kratos?.close()
})

/** Cookie and token headers that the upstream received. */
async function receivedAt(path: string, lines: readonly string[]): Promise<readonly string[]> {
  const before = environment.raw.receivedHeads.length
  const { status } = await sendRawRequest(environment.ports.envoy, path, lines)
  assert.equal(status, 200)
  const head = environment.raw.receivedHeads[before] ?? ''
  return head.split('\r\n').filter(line => /^(cookie|authorization|x-session-token):/i.test(line))
}

test('the session cookie is removed, and other cookies stay, of several lines as well', async () => {
  const session = 'cookie: ory_kratos_session=x'
  assert.deepEqual(await receivedAt('/cookie', [session]), [])
  assert.deepEqual(await receivedAt('/cookie', ['cookie: a=1; ory_kratos_session=x; b=2']), [
    'cookie: a=1; b=2',
  ])
  assert.deepEqual(await receivedAt('/cookie', ['cookie: a=1', session, 'cookie: b=2']), ['cookie: a=1; b=2'])
  assert.deepEqual(await receivedAt('/all', [session]), [session])
})

test('the session token is removed', async () => {
  assert.deepEqual(await receivedAt('/token', ['authorization: Bearer x', 'cookie: a=1']), ['cookie: a=1'])
  assert.deepEqual(await receivedAt('/token', ['x-session-token: x']), [])
})
