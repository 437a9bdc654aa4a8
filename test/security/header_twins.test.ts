/** S2-11, D4: headers that an application reads as one that rules write, such as `X_User_Id`, are removed. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { decide } from '../../src/access/decide.ts'
import type { Allow } from '../../src/access/decision.ts'
import { type DecisionRequest, readDecisionRequest } from '../../src/api/decision_request.ts'
import type { Instant } from '../../src/lib/time.ts'
import { createCheckHarness } from '../support/check_harness.ts'
import { answered } from '../support/kratos.ts'

const CONFIG = `
authenticators: {anonymous: {enabled: true}}
authorizers:
  allow: {enabled: true}
  remote_json:
    enabled: true
    config: {remote: "http://remote/", payload: "{}", forward_response_headers_to_upstream: [X-Plan]}
mutators:
  noop: {enabled: true}
  header: {enabled: true, config: {headers: {X-User-Id: "{{ print .Subject }}"}}}
  hydrator: {enabled: true, config: {api: {url: "http://hydrator/"}, headers: [X-Hydrated-Role]}}
`
const rule = (id: string, mutators: readonly object[], authorizer: object = { handler: 'allow' }) => ({
  id,
  match: { url: `https://app.test/${id}`, methods: ['GET'] },
  authenticators: [{ handler: 'anonymous' }],
  authorizer,
  mutators,
})
const spelled = { handler: 'header', config: { headers: { X_Api_Level: '1' } } }
const RULES = JSON.stringify([
  rule('writes', [{ handler: 'header' }]),
  rule('silent', [{ handler: 'noop' }]),
  rule('hydrated', [{ handler: 'hydrator' }]),
  rule('asks', [{ handler: 'noop' }], { handler: 'remote_json' }),
  rule('spelled', [spelled]),
])

const harness = () =>
  createCheckHarness({
    config: CONFIG,
    rules: RULES,
    send: async () => answered(200, { subject: 'anonymous', header: { 'X-Hydrated-Role': ['user'] } }),
  })

async function removedFrom(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const response = await (await harness()).send({
    method: 'GET',
    scheme: 'https',
    host: 'app.test',
    path,
    headers,
  })
  return response.ok_response?.headers_to_remove ?? ['denied']
}

for (const twin of ['X_User_Id', 'x-user_id', 'X.User.Id', 'x~user-id', 'X-Hydrated_Role', 'X_Plan']) {
  for (const path of ['/writes', '/silent', '/hydrated']) {
    test(`S2-11 ${twin} is removed at ${path}`, async () => {
      const removed = await removedFrom(path, { [twin]: 'admin', accept: '*/*' })
      assert.ok(removed.includes(twin.toLowerCase()), removed.join())
    })
  }
}

test('S2-11 the spelling with hyphens is removed where a rule writes one with underscores', async () => {
  const sent = { 'X-Api-Level': '9', X_Api_Level: '9', 'x-api_level': '9' }
  assert.deepEqual(await removedFrom('/silent', sent).then(names => names.filter(n => n.includes('level'))), [
    'x_api_level',
    'x-api-level',
    'x-api_level',
  ])
  const own = await removedFrom('/spelled', sent)
  assert.ok(own.includes('x-api-level') && own.includes('x-api_level') && !own.includes('x_api_level'))
})

test('S2-11 other headers with symbols stay, and a request without twins costs no name in the response', async () => {
  const unset = ['x-hydrated-role', 'x-plan', 'x_api_level', 'x-api-level']
  const others = { x_own_thing: '1', x_user_idx: '1', 'x.other': '1', xxuserxid: '1' }
  const removed = await removedFrom('/writes', others)
  assert.deepEqual(removed.toSorted(), unset.toSorted())
})

test('S2-11 a twin at /decisions is among the headers that the gateway is told to remove', async () => {
  const { snapshot } = await harness()
  const message = {
    method: 'GET',
    url: '/decisions/writes',
    headers: { host: 'app.test' },
    rawHeaders: ['Host', 'app.test', 'X_User_Id', 'admin', 'X_User_Id', 'root'],
    socket: { remoteAddress: '10.0.0.7', encrypted: true },
  } as unknown as IncomingMessage
  const request = readDecisionRequest(message, {
    body: new Uint8Array(),
    deadline: Number.POSITIVE_INFINITY as Instant,
    paths: 'strict',
    isTrustedProxy: () => false,
    directOverrides: new Set(),
  }) as DecisionRequest
  const allow = (await decide(snapshot, request)) as Allow
  assert.deepEqual(
    allow.remove.filter(name => name.startsWith('x_user')),
    ['x_user_id'],
  )
})
