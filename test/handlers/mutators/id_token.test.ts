import assert from 'node:assert/strict'
import test from 'node:test'
import { idToken } from '../../../src/handlers/mutators/id_token.ts'
import { buildHandler } from '../../support/handler_harness.ts'
import { testKey } from '../../support/jwks_host.ts'
import { createOAuthHarness, inlineKeySetUrl, type OAuthHarness } from '../../support/oauth_harness.ts'
import { sessionOf } from '../build.ts'

const EC = testKey('P-256', { kid: 'ec', use: 'sig', alg: 'ES256' })
const BASE_CONFIG = { issuer_url: 'http://iss/', jwks_url: inlineKeySetUrl([EC.private]) }

async function mutate(
  config: object,
  extra?: Parameters<typeof sessionOf>[1],
  harness: OAuthHarness = createOAuthHarness(),
) {
  const outcome = await buildHandler(idToken, { ...BASE_CONFIG, ...config }, harness)(sessionOf('sam', extra))
  if (outcome.kind === 'denial') return { outcome }
  const header = outcome.headers.find(({ name }) => name === 'authorization')?.value ?? ''
  const [head = '', payload = ''] = header.replace(/^Bearer /, '').split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { outcome, header, head: read(head), claims: read(payload) }
}

test('sets a signed token as the bearer token', async () => {
  const { head, claims, header, outcome } = await mutate({})
  assert.match(header ?? '', /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)
  assert.deepEqual(head, { alg: 'ES256', typ: 'JWT', kid: 'ec' })
  assert.deepEqual(Object.keys(claims).toSorted(), ['exp', 'iat', 'iss', 'jti', 'nbf', 'sub'])
  assert.deepEqual(
    [claims.iss, claims.sub, claims.exp - claims.iat, claims.nbf],
    ['http://iss/', 'sam', 900, claims.iat],
  )
  assert.equal('headers' in outcome && outcome.headers.length, 1)
})

test('the template adds claims and cannot replace registered ones', async () => {
  const template =
    '{"aud":["x"],"who":{{ print .Extra.name | toJson }},"sub":"evil","iss":"evil","exp":1,"jti":"4","n":123456789012}'
  const { claims } = await mutate({ claims: template, ttl: '90s' }, { name: 'a "b"' })
  assert.deepEqual(
    [claims.aud, claims.who, claims.sub, claims.iss, claims.n],
    [['x'], 'a "b"', 'sam', 'http://iss/', 123456789012],
  )
  assert.equal(claims.exp - claims.iat, 90)
  assert.match(claims.jti, /^[0-9a-f-]{36}$/)
})

for (const claims of [
  'null',
  '[1]',
  '"text"',
  '{"a":1,}',
  '{"a":"{{ .Extra.quote }}"}',
  '{{ .Subject.Nope }}',
  '{"a":1e999}',
]) {
  test(`claims that do not render an object are a 500: ${claims}`, async () => {
    const { outcome } = await mutate({ claims }, { quote: '"' })
    assert.deepEqual('status' in outcome && [outcome.status, outcome.code], [500, 'template'])
  })
}

test('an unavailable or unusable signing key is a 500 with a general message', async () => {
  for (const jwks_url of [
    inlineKeySetUrl([]),
    inlineKeySetUrl([EC.public]),
    'file:///no/such/file',
    'http://down/jwks',
  ]) {
    const { outcome } = await mutate({ jwks_url })
    assert.ok('status' in outcome)
    assert.deepEqual([outcome.status, outcome.code], [500, 'internal'])
    assert.equal(
      outcome.message,
      'An internal server error occurred, please contact the system administrator',
    )
  }
})

test('equal sessions share a token; another subject or other claims get another one (C19)', async () => {
  const harness = createOAuthHarness()
  const mutate = buildHandler(
    idToken,
    { ...BASE_CONFIG, claims: '{"a":{{ print .Extra.a | toJson }}}' },
    harness,
  )
  const token = async (subject: string, a: string) => {
    const outcome = await mutate(sessionOf(subject, { a }))
    return 'headers' in outcome ? outcome.headers[0]?.value : undefined
  }
  const first = await token('sam', '1')
  assert.ok(!(mutate(sessionOf('sam', { a: '1' })) instanceof Promise), 'at once')
  harness.clock.advance(800_000)
  assert.equal(await token('sam', '1'), first)
  assert.notEqual(await token('sue', '1'), first)
  assert.notEqual(await token('sam', '2'), first)
  harness.clock.advance(20_000)
  assert.notEqual(await token('sam', '1'), first)
})

test('rejects configurations that cannot work', () => {
  const load = (config: object) => () =>
    buildHandler(idToken, { ...BASE_CONFIG, ...config }, createOAuthHarness())
  for (const config of [
    { ttl: '1d' },
    { ttl: '0s' },
    { jwks_url: 'gs://a' },
    { claims: '{{ ' },
    { cache: { ttl: '1m' } },
  ]) {
    assert.throws(load(config), JSON.stringify(config))
  }
})

test('issues a token for every request if the cache is disabled (Q-98)', async () => {
  const harness = createOAuthHarness()
  for (const [cache, same] of [
    [{ enabled: false }, false],
    [{ enabled: true, max_cost: 1 }, true],
    [{}, true],
  ] as const) {
    const first = await mutate({ cache }, undefined, harness)
    const second = await mutate({ cache }, undefined, harness)
    assert.equal(first.header === second.header, same)
  }
})

test('declares the Authorization header, and warns about claims that a value can extend (Q-68)', () => {
  assert.deepEqual(idToken.setsHeaders?.(BASE_CONFIG), ['authorization'])
  const harness = createOAuthHarness()
  buildHandler(idToken, { ...BASE_CONFIG, claims: '{"a": "{{ print .Subject }}"}' }, harness)
  assert.match(harness.warnings.join(), /^claims: .*Q-68/)
})
