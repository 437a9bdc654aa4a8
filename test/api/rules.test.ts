import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { healthRoutes } from '../../src/api/health.ts'
import type { Reply } from '../../src/api/reply.ts'
import { type ListedRule, rulesRoutes } from '../../src/api/rules.ts'
import type { Route } from '../../src/api/server.ts'
import { createPublicConfig } from '../../src/handlers/compile/public_config.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'

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
  last_reload: { time: '2026-01-01T00:00:00.000Z' },
})
const publicConfig = createPublicConfig(HANDLERS)
const routes = rulesRoutes({ validRules: () => many, status, publicConfig })
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
  const listed = rulesRoutes({ validRules: () => [rule('one'), several], status, publicConfig })
  const [one, other] = JSON.parse((await get(listed, '/rules'))?.body ?? '')
  assert.equal('authorizers' in one, false)
  assert.deepEqual(other.authorizer, { handler: '', config: null })
  assert.deepEqual(other.authorizers, [
    { handler: 'allow', config: null },
    { handler: 'remote_json', config: { headers: { Authorization: 'REDACTED' } } },
  ])
})

test('configs are listed as their public view (Q-94)', async () => {
  const config = { check_session_url: 'https://k/', additional_headers: { 'X-A': 's3cret' } }
  const one = { ...rule('r'), authenticators: [{ handler: 'cookie_session', config }] }
  const reply = await get(rulesRoutes({ validRules: () => [one], status, publicConfig }), '/rules/r')
  assert.deepEqual(JSON.parse(reply?.body ?? '').authenticators, [
    { handler: 'cookie_session', config: { ...config, additional_headers: { 'X-A': 'REDACTED' } } },
  ])
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
