import assert from 'node:assert/strict'
import test from 'node:test'
import { jwt, readJwksOptions } from '../../../src/handlers/authenticators/jwt.ts'
import { buildHandler } from '../../support/handler_harness.ts'
import { signTestToken, testKey } from '../../support/jwks_host.ts'
import { createOAuthHarness, inlineKeySetUrl } from '../../support/oauth_harness.ts'
import { requestWith } from '../../support/request.ts'

const RSA = testKey('RSA', { kid: 'rsa', use: 'sig' })
const SECRET = testKey('oct', { kid: 'hs', use: 'sig' })
const SETS = [inlineKeySetUrl([RSA.public, SECRET.public])]
const CLAIMS = { sub: 'sam', scope: 'a b', n: 1 }
const TOKEN = signTestToken({ alg: 'RS256', kid: 'rsa' }, CLAIMS, RSA.signingKey)

type Lines = NonNullable<Parameters<typeof requestWith>[0]>
const bearer = (token: string): Lines => [['Authorization', `Bearer ${token}`]]
async function authenticate(config: object, headers: Lines, parts: Parameters<typeof requestWith>[1] = {}) {
  const harness = createOAuthHarness()
  return buildHandler(jwt, { jwks_urls: SETS, ...config }, harness)(requestWith(headers, parts))
}

test('a verified token yields its subject and all its claims', async () => {
  const outcome = await authenticate({}, bearer(TOKEN))
  assert.equal(outcome.kind, 'identity')
  assert.deepEqual('extra' in outcome && [outcome.subject, outcome.extra, outcome.annotations], [
    'sam',
    { sub: 'sam', n: 1, scp: ['a', 'b'] },
    { cache: 'miss' },
  ])
})

test('a cached token is checked synchronously, and its times are checked again', async () => {
  const harness = createOAuthHarness()
  const authenticate = buildHandler(jwt, { jwks_urls: SETS }, harness)
  const exp = harness.clock.wall() / 1000 + 60
  const request = requestWith(
    bearer(signTestToken({ alg: 'RS256', kid: 'rsa' }, { sub: 'sam', exp }, RSA.signingKey)),
  )
  assert.equal((await authenticate(request)).kind, 'identity')
  const hit = authenticate(request)
  assert.ok(!(hit instanceof Promise))
  assert.deepEqual(hit.kind === 'identity' && hit.annotations, { cache: 'hit' })
  harness.clock.jumpWallClock(61_000)
  assert.equal((await authenticate(request)).kind, 'denial')
})

for (const [what, config, headers, parts] of [
  ['no token', {}, [], {}],
  ['an opaque token', {}, bearer('opaque'), {}],
  ['two parts', {}, bearer('a.b'), {}],
  ['a JWE with five parts', {}, bearer('a.b.c.d.e'), {}],
  ['another scheme', {}, [['Authorization', `Basic ${TOKEN}`]], {}],
  ['a token in another place', { token_from: { cookie: 'c' } }, bearer(TOKEN), {}],
] as const satisfies readonly (readonly [string, object, Lines, object])[]) {
  test(`leaves ${what} to the next authenticator`, async () => {
    assert.equal((await authenticate(config, headers, parts)).kind, 'not responsible')
  })
}

test('reads the token from the configured location', async () => {
  assert.equal(
    (await authenticate({ token_from: { cookie: 'c' } }, [['Cookie', `c=${TOKEN}`]])).kind,
    'identity',
  )
  assert.equal((await authenticate({ token_from: { header: 'X-T' } }, [['X-T', TOKEN]])).kind, 'identity')
  const query = { query: `t=${TOKEN}` }
  assert.equal((await authenticate({ token_from: { query_parameter: 't' } }, [], query)).kind, 'identity')
})

for (const [what, config, token] of [
  ['three parts that are not a JWT', {}, 'qqqq.wwww.zzzz'],
  [
    'an algorithm that the rule does not allow',
    {},
    signTestToken({ alg: 'RS512', kid: 'rsa' }, CLAIMS, RSA.signingKey),
  ],
  ['a shared secret by default', {}, signTestToken({ alg: 'HS256', kid: 'hs' }, CLAIMS, SECRET.signingKey)],
  ['another audience', { target_audience: ['x'] }, TOKEN],
  ['another issuer', { trusted_issuers: ['x'] }, TOKEN],
  ['an unavailable key set', { jwks_urls: ['http://down/jwks'] }, TOKEN],
] as const) {
  test(`${what}: 401 with a challenge and a reason that quotes nothing (Q-35)`, async () => {
    const outcome = await authenticate(config, bearer(token))
    assert.ok(outcome.kind === 'denial')
    assert.equal(outcome.status, 401)
    assert.match(outcome.hints?.wwwAuthenticate ?? '', /^Bearer error="invalid_token"$/)
    assert.ok(outcome.reason.length > 0 && outcome.reason.length < 80)
    for (const part of [...token.split('.'), 'sam']) assert.ok(!JSON.stringify(outcome).includes(part))
  })
}

test('the reason code distinguishes an unavailable key set from a rejected token', async () => {
  const outcome = await authenticate({ jwks_urls: ['http://down/jwks'] }, bearer(TOKEN))
  assert.equal(outcome.kind === 'denial' && outcome.code, 'unavailable')
})

test('the challenge names the required scopes, without invalid ones (RFC 6750 §3)', async () => {
  const challenge = async (...required_scope: string[]) => {
    const outcome = await authenticate({ required_scope, scope_strategy: 'exact' }, bearer(TOKEN))
    assert.ok(outcome.kind === 'denial')
    assert.equal(outcome.message, 'Access credentials are invalid')
    return outcome.hints?.wwwAuthenticate
  }
  assert.equal(await challenge('x', 'y"', 'z'), 'Bearer error="insufficient_scope", scope="x z"')
  assert.equal(await challenge('"'), 'Bearer error="insufficient_scope"')
})

test('accepts a shared secret if the rule allows its algorithm', async () => {
  const token = signTestToken({ alg: 'HS256', kid: 'hs' }, CLAIMS, SECRET.signingKey)
  assert.equal((await authenticate({ allowed_algorithms: ['HS256'] }, bearer(token))).kind, 'identity')
})

test('denies several different tokens (C13)', async () => {
  const outcome = await authenticate({}, [...bearer(TOKEN), ...bearer('a.b.c')])
  assert.equal(outcome.kind === 'denial' && outcome.code, 'ambiguous_credential')
})

test('warns about keys without effect and about configurations that cannot work', () => {
  const warned = (config: object) => {
    const harness = createOAuthHarness()
    buildHandler(jwt, { jwks_urls: SETS, ...config }, harness)
    return harness.warnings.map(line => line.split(':')[0])
  }
  assert.deepEqual(warned({}), [])
  assert.deepEqual(warned({ jwks_ttl: '30s', jwks_max_wait: '1s' }), [])
  assert.deepEqual(warned({ jwks_ttl: '1s' }), ['jwks_ttl'])
  assert.deepEqual(warned({ jwks_max_wait: '2s' }), ['jwks_max_wait'])
  assert.deepEqual(warned({ required_scope: ['a'] }), ['required_scope'])
  assert.deepEqual(warned({ allowed_algorithms: ['none'] }), ['allowed_algorithms'])
  const shared = ['RS256', 'HS256']
  assert.deepEqual(warned({ jwks_urls: ['http://a'], allowed_algorithms: shared }), ['allowed_algorithms'])
  assert.deepEqual(warned({ jwks_urls: ['https://b', 'http://a'], allowed_algorithms: shared }), [
    'allowed_algorithms',
  ])
  assert.deepEqual(warned({ jwks_urls: ['https://b'], allowed_algorithms: shared }), [])
  assert.deepEqual(warned({ jwks_urls: ['http://a'] }), [])
})

test('rejects an invalid key set URL and unknown keys', () => {
  assert.throws(
    () => buildHandler(jwt, { jwks_urls: ['ftp://a/b'] }, createOAuthHarness()),
    /must be the URL of a key set/,
  )
  assert.throws(
    () => buildHandler(jwt, { jwks_urls: ['nonsense'] }, createOAuthHarness()),
    /must be the URL of a key set/,
  )
  assert.throws(() => buildHandler(jwt, { jwks_urls: SETS, required_audience: ['x'] }, createOAuthHarness()))
  assert.throws(() => buildHandler(jwt, {}, createOAuthHarness()))
})

test('reads the options of key sets from the service config, and ignores invalid durations', () => {
  assert.deepEqual(readJwksOptions(undefined), { ttl: 30_000, maxWait: 1_000 })
  assert.deepEqual(readJwksOptions({ jwks_ttl: '1s', jwks_max_wait: '1m30s' }), {
    ttl: 1_000,
    maxWait: 90_000,
  })
  assert.deepEqual(readJwksOptions({ jwks_ttl: 'soon', jwks_max_wait: '0s' }), {
    ttl: 30_000,
    maxWait: 1_000,
  })
})
