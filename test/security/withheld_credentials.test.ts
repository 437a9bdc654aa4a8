/** Review 2: with `forward_credential: false` the application does not receive the credential of the user. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { JsonObject } from '../../src/access/session.ts'
import { createCheckHarness } from '../support/check_harness.ts'

import { signTestToken, testKey } from '../support/jwks_host.ts'
import { answered, sessionDocument } from '../support/kratos.ts'
import { inlineKeySetUrl } from '../support/oauth_harness.ts'

const KEY = testKey('RSA', { kid: 'k', use: 'sig' })
const JWT = signTestToken({ alg: 'RS256', kid: 'k' }, { sub: 'u' }, KEY.signingKey)

const CONFIG = `
authenticators:
  noop: {enabled: true}
  cookie_session: {enabled: true, config: {check_session_url: "http://k/sessions/whoami", only: [sid, "s.id"]}}
  bearer_token: {enabled: true, config: {check_session_url: "http://k/sessions/whoami", prefix: ory_st_}}
  jwt: {enabled: true, config: {jwks_urls: ["${inlineKeySetUrl([KEY.public])}"]}}
  oauth2_introspection: {enabled: true, config: {introspection_url: "http://i/"}}
  oauth2_client_credentials: {enabled: true, config: {token_url: "http://t/"}}
authorizers: {allow: {enabled: true}}
mutators:
  noop: {enabled: true}
  header: {enabled: true, config: {headers: {}}}
  cookie: {enabled: true, config: {cookies: {}}}
`
const session = { ...sessionDocument(), expires_at: '2099-01-01T00:00:00Z' }
const RESPONSES: Readonly<Record<string, unknown>> = {
  'http://k': session,
  'http://i': { active: true, sub: 'u' },
  'http://t': { access_token: 'x', token_type: 'bearer' },
}

interface Rule {
  readonly authenticators: readonly (readonly [handler: string, config?: object | undefined])[]
  readonly mutator?: object
}
/** What happens to the credentials on their way: `[header to set, headers to remove]`, or the status of a denial. */
async function forwarded({ authenticators, mutator }: Rule, headers: Readonly<Record<string, string>>) {
  const rule = {
    id: 'r',
    match: { url: 'https://app.test/', methods: ['GET'] },
    authenticators: authenticators.map(([handler, config]) => ({ handler, config })),
    authorizer: { handler: 'allow' },
    mutators: [mutator ?? { handler: 'noop' }],
  }
  const harness = await createCheckHarness({
    config: CONFIG,
    rules: JSON.stringify([rule]),
    send: async ({ url }) => answered(200, (RESPONSES[new URL(url).origin] ?? {}) as JsonObject),
  })
  const response = await harness.send({
    method: 'GET',
    scheme: 'https',
    host: 'app.test',
    path: '/',
    headers,
  })
  if (response.ok_response === undefined || response.ok_response === null)
    return response.denied_response?.status?.code
  const set = (response.ok_response.headers ?? []).map(({ header }) => `${header?.key}: ${header?.value}`)
  return [...set, ...(response.ok_response.headers_to_remove ?? []).map(name => `no ${name}`)]
}

const WITHHELD = { forward_credential: false }
const cookieRule = { authenticators: [['cookie_session', WITHHELD]] } as const
const one = (handler: string, config: object = {}): Rule => ({
  authenticators: [[handler, { ...WITHHELD, ...config }]],
})

for (const [sent, expected] of [
  ['sid=secret', ['no cookie']],
  ['a=1; sid=secret; b="2 3"', ['cookie: a=1; b="2 3"']],
  ['sid=secret; sid=secret; a=1', ['cookie: a=1']],
  ['s.id=secret; sxid=1', ['cookie: sxid=1']],
  ['sid=secret; s.id=secret; sidecar=1; a=sid', ['cookie: sidecar=1; a=sid']],
] as const) {
  test(`forward_credential: false removes the session cookie and no other from: ${sent}`, async () => {
    assert.deepEqual(await forwarded(cookieRule, { cookie: sent }), expected)
  })
}

test('forward_credential is true by default', async () => {
  assert.deepEqual(await forwarded({ authenticators: [['cookie_session']] }, { cookie: 'sid=secret' }), [])
  assert.deepEqual(await forwarded({ authenticators: [['jwt']] }, { authorization: `Bearer ${JWT}` }), [])
})

for (const [what, rule, headers, expected] of [
  ['a session token', one('bearer_token'), { authorization: 'bearer ory_st_1' }, ['no authorization']],
  ['X-Session-Token', one('bearer_token'), { 'x-session-token': 'ory_st_1' }, ['no x-session-token']],
  ['a JWT', one('jwt'), { authorization: `Bearer ${JWT}` }, ['no authorization']],
  ['an opaque token', one('oauth2_introspection'), { authorization: 'Bearer opaque' }, ['no authorization']],
  [
    'a token in a header',
    one('oauth2_introspection', { token_from: { header: 'X-Token' } }),
    { 'x-token': 'opaque', authorization: 'Bearer mine' },
    ['no x-token'],
  ],
  [
    'a token in a cookie',
    one('jwt', { token_from: { cookie: 'jwt' } }),
    { cookie: `a=1; jwt=${JWT}` },
    ['cookie: a=1'],
  ],
  [
    'client credentials',
    one('oauth2_client_credentials'),
    { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` },
    ['no authorization'],
  ],
] as const) {
  test(`forward_credential: false removes ${what}`, async () => {
    assert.deepEqual(await forwarded(rule, headers), expected)
  })
}

test('a credential of another authenticator stays, unless that one withholds it', async () => {
  const both = { cookie: 'sid=secret', authorization: `Bearer ${JWT}` }
  const chain = (jwt?: object): Rule => ({
    authenticators: [
      ['cookie_session', WITHHELD],
      ['jwt', jwt],
    ],
  })
  assert.deepEqual(await forwarded(chain(), both), ['no cookie'])
  assert.deepEqual(await forwarded(chain(WITHHELD), both), ['no cookie', 'no authorization'])
  // The JWT is not the business of `bearer_token`.
  const tokens: Rule = { authenticators: [['bearer_token', WITHHELD], ['jwt']] }
  assert.deepEqual(await forwarded(tokens, { authorization: `Bearer ${JWT}` }), [])
})

test('a credential is withheld whichever authenticator has applied', async () => {
  const rule: Rule = { authenticators: [['jwt'], ['cookie_session', WITHHELD], ['noop']] }
  const authorization = `Bearer ${JWT}`
  assert.deepEqual(await forwarded(rule, { authorization, cookie: 'sid=secret' }), ['no cookie'])
  assert.deepEqual(await forwarded(rule, { cookie: 'a=1' }), [])
})

test('headers of the rule replace the credential, and its Cookie header is filtered', async () => {
  const bearer = (mutator: object): Rule => ({ ...one('jwt'), mutator })
  const own = { handler: 'header', config: { headers: { Authorization: 'Basic own' } } }
  assert.deepEqual(await forwarded(bearer(own), { authorization: `Bearer ${JWT}` }), [
    'authorization: Basic own',
  ])
  const cookies = (names: object): Rule => ({
    ...cookieRule,
    mutator: { handler: 'cookie', config: { cookies: names } },
  })
  assert.deepEqual(await forwarded(cookies({ user: 'u' }), { cookie: 'sid=secret; a=1' }), [
    'cookie: user=u; a=1',
  ])
  assert.deepEqual(await forwarded(cookies({ sid: 'own' }), { cookie: 'sid=secret; a=1' }), [
    'cookie: sid=own; a=1',
  ])
})

test('a credential that cannot be removed makes the rule answer 500', async () => {
  assert.equal(await forwarded(one('jwt', { token_from: { query_parameter: 't' } }), {}), 500)
  assert.equal(await forwarded(one('cookie_session', { only: [] }), { cookie: 'sid=x' }), 500)
})
