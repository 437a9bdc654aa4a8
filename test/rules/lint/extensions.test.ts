/** Keys of Credence in rules are noticed, and every key of a handler is Oathkeeper's or one of them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { HANDLERS } from '../../../src/handlers/registry.ts'
import { EXTENSION_KEYS } from '../../../src/rules/lint/extensions.ts'
import { parseRules } from '../../../src/rules/parse.ts'
import { createCheckHarness } from '../../support/check_harness.ts'

/** The keys of `config` in Oathkeeper's schema of v26.2.0; handlers that are missing have none. */
const OATHKEEPER_KEYS: Readonly<Record<string, readonly string[]>> = {
  'authenticator anonymous': ['subject'],
  'authenticator cookie_session': [
    'additional_headers',
    'check_session_url',
    'extra_from',
    'force_method',
    'forward_http_headers',
    'only',
    'preserve_host',
    'preserve_path',
    'preserve_query',
    'subject_from',
  ],
  'authenticator bearer_token': [
    'additional_headers',
    'check_session_url',
    'extra_from',
    'force_method',
    'forward_http_headers',
    'prefix',
    'preserve_host',
    'preserve_path',
    'preserve_query',
    'subject_from',
    'token_from',
  ],
  'authenticator jwt': [
    'allowed_algorithms',
    'jwks_max_wait',
    'jwks_ttl',
    'jwks_urls',
    'required_scope',
    'scope_strategy',
    'target_audience',
    'token_from',
    'trusted_issuers',
  ],
  'authenticator oauth2_client_credentials': ['cache', 'required_scope', 'retry', 'token_url'],
  'authenticator oauth2_introspection': [
    'cache',
    'introspection_request_headers',
    'introspection_url',
    'pre_authorization',
    'prefix',
    'preserve_host',
    'required_scope',
    'retry',
    'scope_strategy',
    'target_audience',
    'token_from',
    'trusted_issuers',
  ],
  'authorizer keto_engine_acp_ory': ['base_url', 'flavor', 'required_action', 'required_resource', 'subject'],
  'authorizer remote': ['forward_response_headers_to_upstream', 'headers', 'remote', 'retry'],
  'authorizer remote_json': ['forward_response_headers_to_upstream', 'headers', 'payload', 'remote', 'retry'],
  'mutator cookie': ['cookies'],
  'mutator header': ['headers'],
  'mutator hydrator': ['api', 'cache'],
  'mutator id_token': ['claims', 'issuer_url', 'jwks_url', 'ttl'],
  'error www_authenticate': ['realm', 'when'],
  'error redirect': ['code', 'return_to_query_param', 'to', 'when'],
  'error json': ['verbose', 'when'],
}

for (const handler of HANDLERS) {
  const name = `${handler.kind} ${handler.id}`
  test(`every key of ${name} is Oathkeeper’s or one of Credence`, () => {
    if (handler.ignoresConfig) return
    const schema = z.toJSONSchema(handler.schema, { io: 'input', unrepresentable: 'any' })
    const own = EXTENSION_KEYS[handler.id] ?? []
    assert.deepEqual(
      Object.keys(schema.properties ?? {}).sort(),
      [...(OATHKEEPER_KEYS[name] ?? []), ...own].sort(),
    )
  })
}

const CONFIG = `
authenticators: {anonymous: {enabled: true}, cookie_session: {enabled: true, config: {check_session_url: http://k/}}}
authorizers: {allow: {enabled: true}}
mutators: {noop: {enabled: true}}
`
const rule = (more: object) => ({
  id: 'r',
  match: { url: 'https://h/', methods: ['GET'] },
  authenticators: [{ handler: 'anonymous' }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'noop' }],
  ...more,
})

async function noticesOf(...rules: readonly object[]): Promise<readonly string[]> {
  const { issues } = await createCheckHarness({ config: CONFIG, rules: JSON.stringify(rules) })
  return issues.flatMap(({ severity, path }) => (severity === 'notice' ? [path] : []))
}

test('the first key of Credence in a file is a notice', async () => {
  const several = rule({ authorizer: undefined, authorizers: [{ handler: 'allow' }] })
  const session = rule({
    authenticators: [{ handler: 'cookie_session', config: { only: ['a'], require: { aal: 'aal2' } } }],
  })
  assert.deepEqual(await noticesOf(several, several, session), ['authorizers'])
  assert.deepEqual(await noticesOf(session), ['authenticators[0].config.require'])
  assert.deepEqual(await noticesOf(rule({})), [])
})

test('a rule without a list is a notice (Q-08)', () => {
  const { diagnostics } = parseRules(JSON.stringify(rule({})), 'rules.json')
  assert.deepEqual(
    diagnostics.map(one => [one.severity, one.message]),
    [['notice', 'this is one rule without a list: Oathkeeper rejects such a file']],
  )
})
