/** Tests that Credence removes other spellings of its headers where Envoy forwards them, and that minimal.yaml rejects them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'
import { sendRaw, sendRawRequest } from './support/raw_request.ts'

const rule = (id: string, mutator: string): string => `
- id: ${id}
  match: { url: "http://<[^/]+>/${id}", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ ${mutator} ]
`
const RULES =
  rule('writes', '{ handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } }') +
  rule('silent', '{ handler: noop }')

/** Envoy's own protection, without which it forwards such headers. */
const SETTING = /^ *common_http_protocol_options:\n *headers_with_underscores_action: REJECT_REQUEST.*\n/m

let environment: EnvoyEnvironment
before(async () => {
  environment = await startEnvoyEnvironment({
    rules: RULES,
    listeners: { lenient: listener => listener.replace(SETTING, '') },
  })
})
after(() => environment.close())

/** Names and values of the headers that the upstream received, those of a user only. */
async function receivedOf(path: string, lines: readonly string[]): Promise<readonly string[]> {
  const before = environment.raw.receivedHeads.length
  const { status } = await sendRawRequest(environment.listenerPort('lenient'), path, lines)
  assert.equal(status, 200)
  const head = environment.raw.receivedHeads[before] ?? ''
  return head.split('\r\n').filter(line => /^x.(user|own)/i.test(line))
}

const TWINS = ['X_User_Id: admin', 'x-user_id: admin', 'x.user.id: admin', 'X_USER_ID: root']

test('S2-11 D4 the application receives the header of the rule and none that reads the same', async () => {
  assert.deepEqual(await receivedOf('/writes', [...TWINS, 'x-user-id: admin']), ['x-user-id: guest'])
  assert.deepEqual(await receivedOf('/silent', [...TWINS, 'x-user-id: admin']), [])
})

test('S2-11 D4 other headers with underscores reach the application', async () => {
  assert.deepEqual(await receivedOf('/silent', ['x_own: 1']), ['x_own: 1'])
})

test('S2-11 D4 minimal.yaml rejects headers with underscores', async () => {
  const { envoy } = environment.ports
  assert.equal((await sendRawRequest(envoy, '/silent', ['X_User_Id: admin'])).status, 400)
  const head = `GET /silent HTTP/1.1\r\nhost: 127.0.0.1:${envoy}\r\nconnection: close\r\n\r\n`
  assert.equal((await sendRaw(envoy, head)).status, 200)
})
