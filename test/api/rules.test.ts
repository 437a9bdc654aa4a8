import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { healthRoutes } from '../../src/api/health.ts'
import type { Reply } from '../../src/api/reply.ts'
import { type ListedRule, rulesRoutes } from '../../src/api/rules.ts'
import type { Route } from '../../src/api/server.ts'

const rule = (id: string, config?: unknown): ListedRule => ({
  id,
  version: '',
  description: '',
  match: {
    url: 'http://h/<.*>',
    methods: ['GET'],
    fullMethod: undefined,
    authority: undefined,
    allowHttpGet: false,
  },
  authenticators: [{ handler: 'noop', config }],
  authorizer: { handler: 'allow', config: undefined },
  authorizers: undefined,
  mutators: [],
  errors: undefined,
  upstream: { url: '', stripPath: '', preserveHost: false },
})
async function get(route: Route, target: string): Promise<Reply | undefined> {
  const url = new URL(target, 'http://x')
  return route({ method: 'GET', path: url.pathname, query: url.searchParams, message: {} as IncomingMessage })
}
const many = Array.from({ length: 60 }, (_, i) => rule(`r${i}`))
const status = () => ({
  revision: 'abc',
  rules: 60,
  sources: [{ source: 'a.json', kind: 'file', state: 'fresh', rules: 60 }],
  problems: [],
})
const routes = rulesRoutes({ validRules: () => many, status })
const ids = async (target: string) =>
  JSON.parse((await get(routes, target))?.body ?? '').map((one: { id: string }) => one.id)

test('a page has 50 rules by default', async () => {
  assert.equal((await ids('/rules')).length, 50)
  assert.deepEqual(await ids('/rules?limit=2&offset=1'), ['r1', 'r2'])
  assert.deepEqual(await ids('/rules?limit=0'), [])
  assert.equal((await ids('/rules?limit=abc')).length, 50)
  assert.equal((await ids('/rules?limit=1000')).length, 60)
})

test('a rule is found by its id, and an unknown id is 404', async () => {
  assert.equal(JSON.parse((await get(routes, '/rules/r7'))?.body ?? '').id, 'r7')
  assert.equal((await get(routes, '/rules/nope'))?.status, 404)
})

test('only a rule with several authorizers has the key authorizers', async () => {
  const several: ListedRule = {
    ...rule('several'),
    authorizer: undefined,
    authorizers: [
      { handler: 'allow', config: undefined },
      { handler: 'remote_json', config: { headers: { Authorization: 's3cret' } } },
    ],
  }
  const listed = rulesRoutes({ validRules: () => [rule('one'), several], status })
  const [one, other] = JSON.parse((await get(listed, '/rules'))?.body ?? '')
  assert.equal('authorizers' in one, false)
  assert.deepEqual(other.authorizer, { handler: '', config: null })
  assert.deepEqual(other.authorizers, [
    { handler: 'allow', config: null },
    { handler: 'remote_json', config: { headers: { Authorization: 'REDACTED' } } },
  ])
})

test('secrets of a handler’s config are redacted (Q-94)', async () => {
  const config = {
    client_secret: 's3cret',
    api: { auth: { basic: { password: 's3cret' } }, url: 'https://u:s3cret@h/x' },
    introspection_request_headers: { Authorization: 'Basic s3cret' },
    additional_headers: { 'X-Auth-Token': 's3cret', 'X-Service-Key': 's3cret' },
    jwks_url: 'inline://s3cret',
    token_url: 'https://h/token?a=1&api_key=s3cret&b=2',
  }
  const reply = await get(rulesRoutes({ validRules: () => [rule('r', config)], status }), '/rules')
  assert.ok(reply !== undefined && !reply.body.includes('s3cret'))
  assert.ok(reply.body.includes('/x'), 'the rest is')
  assert.ok(reply.body.includes('"https://h/token?a=1&api_key=REDACTED&b=2"'))
})

test('signatures in URLs and all headers for another service are redacted (Q-94)', async () => {
  const config = {
    jwks_urls: ['https://a.blob.example/k?sv=1&sig=s3cret', 'https://b.example/k?X-Amz-Signature=s3cret&v=2'],
    additional_headers: { 'X-Service-Key': 's3cret' },
    introspection_request_headers: { 'X-Service-Key': 's3cret' },
    headers: { 'X-User': '{{ print .Subject }}' },
  }
  const reply = await get(rulesRoutes({ validRules: () => [rule('r', config)], status }), '/rules')
  assert.ok(reply !== undefined && !reply.body.includes('s3cret'))
  for (const shown of ['sv=1&sig=REDACTED', 'REDACTED&v=2', '"X-Service-Key"', '{{ print .Subject }}'])
    assert.ok(reply.body.includes(shown), shown)
})

test('the status has the revision, the sources and the problems', async () => {
  assert.deepEqual(JSON.parse((await get(routes, '/status'))?.body ?? ''), status())
})

test('readiness follows the service, liveness and version do not', async () => {
  let ready = false
  const health = healthRoutes({ ready: () => ready, version: '1.2.3' })
  assert.equal((await get(health, '/health/ready'))?.status, 503)
  assert.equal((await get(health, '/health/alive'))?.status, 200)
  ready = true
  assert.equal((await get(health, '/health/ready'))?.status, 200)
  assert.deepEqual(JSON.parse((await get(health, '/version'))?.body ?? ''), { version: '1.2.3' })
})
