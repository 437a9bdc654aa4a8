/** S2-12, Q-94: `/rules` shows what the schemas of handlers mark as public, and no other text. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { z } from 'zod'
import { type ListedRule, rulesRoutes } from '../../src/api/rules.ts'
import { createPublicConfig } from '../../src/handlers/compile/public_config.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { parseRules } from '../../src/rules/parse.ts'

const publicConfig = createPublicConfig(HANDLERS)

/** The body of `/rules`. */
async function listed(rules: readonly object[]): Promise<string> {
  const parsed = parseRules(JSON.stringify(rules), 'rules.json').rules ?? []
  const validRules = () => parsed.map(({ rule }) => rule as ListedRule)
  const status = () => ({ revision: '', rules: 0, sources: [], problems: [], last_reload: undefined })
  const route = rulesRoutes({ validRules, status, publicConfig })
  const message = {} as IncomingMessage
  return (await route({ method: 'GET', path: '/rules', query: new URLSearchParams(), message }))?.body ?? ''
}

const rule = (parts: object) => ({
  id: 'r',
  match: { url: 'https://app.test/', methods: ['GET'] },
  authenticators: [{ handler: 'noop' }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'noop' }],
  ...parts,
})
const authenticator = (handler: string, config: object) => rule({ authenticators: [{ handler, config }] })
const session = (config: object) =>
  authenticator('cookie_session', { check_session_url: 'https://k/', ...config })
const remote = (config: object) =>
  rule({ authorizer: { handler: 'remote_json', config: { remote: 'https://r/', payload: '{}', ...config } } })

const LEAKS: readonly (readonly [what: string, leaking: object])[] = [
  ['a second @ in a URL', session({ check_session_url: 'http://svc:p@CANARY@host/' })],
  ['a password with a slash', session({ check_session_url: 'http://svc:12/CANARY@host/' })],
  ['a parameter sid', session({ check_session_url: 'https://k/?sid=CANARY' })],
  ['a parameter code', remote({ remote: 'https://r/?a=1&code=CANARY' })],
  ['a fragment', rule({ errors: [{ handler: 'redirect', config: { to: '/login#CANARY' } }] })],
  ['the header X-Auth', session({ additional_headers: { 'X-Auth': 'CANARY' } })],
  ['the header X-Upstream-Pass', remote({ headers: { 'X-Upstream-Pass': 'CANARY' } })],
  [
    'the header X-Shared-Token-V2',
    authenticator('oauth2_introspection', {
      introspection_url: 'https://i/',
      introspection_request_headers: { 'X-Shared-Token-V2': 'CANARY' },
    }),
  ],
  [
    'the header X-Signature',
    rule({ mutators: [{ handler: 'header', config: { headers: { 'X-Signature': 'CANARY' } } }] }),
  ],
  ['the header X-Gateway-Auth', remote({ headers: { 'X-Gateway-Auth': 'CANARY' } })],
  ['the header X-Internal', session({ additional_headers: { 'X-Internal': 'Bearer CANARY' } })],
  ['a constant in a payload', remote({ payload: '{"api_key": "CANARY"}' })],
  ['a cookie', rule({ mutators: [{ handler: 'cookie', config: { cookies: { a: 'CANARY' } } }] })],
  ['an inline key set', authenticator('jwt', { jwks_urls: ['Inline://CANARY'] })],
  [
    'the config of a handler that ignores it',
    authenticator('noop', { token: 'CANARY', CANARY: [1, 'CANARY'] }),
  ],
  ['an unknown handler', authenticator('unknown', { token: 'CANARY', pin: 12345678 })],
  ['the upstream', rule({ upstream: { url: 'http://svc:CANARY@up/?key=CANARY' } })],
]
for (const [what, leaking] of LEAKS) {
  test(`S2-12 /rules hides ${what}`, async () => {
    const body = await listed([leaking])
    assert.ok(body.includes('"id":"r"'), 'the rule is listed')
    assert.doesNotMatch(body, /CANARY|12345678/)
  })
}

test('S2-12 /rules shows names, hosts and paths, and what is hidden', async () => {
  const body = await listed([
    session({
      check_session_url: 'https://k:1/sessions/whoami?x',
      additional_headers: { 'X-Auth': 'x' },
      only: ['c'],
    }),
    authenticator('jwt', { jwks_urls: ['s3://bucket/keys.json?region=x'], trusted_issuers: ['https://i/'] }),
  ])
  for (const shown of [
    '"check_session_url":"https://k:1/sessions/whoami?REDACTED"',
    '"additional_headers":{"X-Auth":"REDACTED"}',
    '"only":["c"]',
    '"jwks_urls":["s3://bucket/keys.json?REDACTED"]',
    '"trusted_issuers":["https://i/"]',
  ])
    assert.ok(body.includes(shown), `${shown} is in ${body}`)
})

// biome-ignore lint/suspicious/noExplicitAny: a JSON Schema of any shape
type JsonSchema = any

/** A value of this shape whose texts are canaries, keys of maps included. */
function canaryOf(schema: JsonSchema, path: string): unknown {
  const [choice] = schema.anyOf ?? []
  if (choice !== undefined && schema.anyOf.length > 1 && path.endsWith('token_from'))
    return Object.assign({}, ...choice.anyOf.map((one: JsonSchema) => canaryOf(one, path)))
  if (choice !== undefined) return canaryOf(schema.anyOf.at(-1), path)
  if (schema.enum !== undefined || schema.const !== undefined) return schema.const ?? schema.enum[0]
  switch (schema.type) {
    case 'array':
      return [canaryOf(schema.items, `${path}[]`)]
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).map(([key, member]) => [
        key,
        canaryOf(member, path === '' ? key : `${path}.${key}`),
      ])
      if (schema.propertyNames === undefined) return Object.fromEntries(members)
      return { [canary(`${path}{name}`)]: canaryOf(schema.additionalProperties, `${path}{value}`) }
    }
    case 'string':
      return canary(path)
    default:
      return true
  }
}
/** A URL whose secret parts are recognizable; in a text that is shown as it is, they stay. */
const canary = (path: string) => `https://SECRET@host/<${path}>?SECRET`

/** Texts that `/rules` shows as they are. A key that may hold a secret does not belong here. */
const PUBLIC_TEXTS: Readonly<Record<string, string>> = {
  anonymous: 'subject',
  cookie_session: 'only[]',
  bearer_token: 'prefix token_from.cookie token_from.header token_from.query_parameter',
  jwt: 'allowed_algorithms[] jwks_max_wait jwks_ttl leeway required_scope[] token_from.cookie token_from.header token_from.query_parameter',
  oauth2_client_credentials: 'cache.ttl required_scope[] retry.give_up_after retry.max_delay',
  oauth2_introspection:
    'cache.ttl introspection_request_headers{name} pre_authorization.audience pre_authorization.client_id pre_authorization.scope[] prefix required_scope[] retry.give_up_after retry.max_delay token_from.cookie token_from.header token_from.query_parameter',
  keto_engine_acp_ory: 'flavor required_action required_resource',
  remote: '',
  remote_json: '',
  cookie: 'cookies{name}',
  header: 'headers{name}',
  hydrator: 'api.retry.give_up_after api.retry.max_delay cache.ignored_headers[] cache.ttl headers[]',
  id_token: 'ttl',
  json: '',
  redirect: 'return_to_hosts[] return_to_query_param',
  www_authenticate: 'realm',
}
const SHARED: Readonly<Record<string, string>> = {
  session:
    'additional_headers{name} cache.ttl check_session_url_by_host{name} extra_from force_method forward_http_headers[] require.authenticated_within require.methods[] subject_from',
  remote:
    'allowed_from forward_response_headers_to_upstream[] headers{name} retry.give_up_after retry.max_delay',
  when: 'when[].request.cidr[] when[].request.header.accept[] when[].request.header.content_type[] when[].request.remote_ip.match[]',
}
/** Texts that are shown as URLs: without user info and query. */
const PUBLIC_URLS: Readonly<Record<string, string>> = {
  cookie_session: 'check_session_url check_session_url_by_host{value}',
  bearer_token: 'check_session_url check_session_url_by_host{value}',
  jwt: 'jwks_by_issuer{name} jwks_by_issuer{value} jwks_urls[] target_audience[] trusted_issuers[]',
  oauth2_client_credentials: 'token_url',
  oauth2_introspection: 'introspection_url pre_authorization.token_url target_audience[] trusted_issuers[]',
  keto_engine_acp_ory: 'base_url',
  remote: 'remote',
  remote_json: 'remote',
  hydrator: 'api.url',
  id_token: 'issuer_url jwks_url',
  redirect: 'to',
}
const sharedOf = (id: string, kind: string): string =>
  (/session|bearer/.test(id) && SHARED.session) ||
  (id.startsWith('remote') && SHARED.remote) ||
  (kind === 'error' && SHARED.when) ||
  ''
const sorted = (text: string) => text.split(' ').filter(Boolean).toSorted()

for (const { kind, id, schema } of HANDLERS) {
  test(`S2-12 of the texts of ${kind} ${id} only public ones are shown`, () => {
    const config = canaryOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), '')
    const shown = JSON.stringify(publicConfig(kind, id, config))
    const found = [...shown.matchAll(/https:\/\/(SECRET|REDACTED)@host\/<([^>]*)>\?(SECRET|REDACTED)/g)]
    const pathsShownAs = (what: string) =>
      found.flatMap(([, user, path, query]) => (user === what && query === what ? [path] : []))
    assert.deepEqual(
      pathsShownAs('SECRET').toSorted(),
      sorted(`${PUBLIC_TEXTS[id] ?? ''} ${sharedOf(id, kind)}`),
    )
    assert.deepEqual(pathsShownAs('REDACTED').toSorted(), sorted(PUBLIC_URLS[id] ?? ''))
    assert.equal(shown.match(/SECRET/g)?.length ?? 0, 2 * pathsShownAs('SECRET').length)
  })
}
