/** S2-6: a key of one issuer must not sign in the name of another. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jwt } from '../../src/handlers/authenticators/jwt.ts'
import { buildHandler } from '../support/handler_harness.ts'
import { signTestToken, testKey } from '../support/jwks_host.ts'
import { createOAuthHarness, inlineKeySetUrl } from '../support/oauth_harness.ts'
import { requestWith } from '../support/request.ts'

const CORP = testKey('RSA', { kid: 'corp', use: 'sig' })
const PARTNER = testKey('RSA', { kid: 'partner', use: 'sig' })
const ISSUERS = ['https://corp.test/', 'https://partner.test/'] as const
const URLS = [inlineKeySetUrl([CORP.public]), inlineKeySetUrl([PARTNER.public])] as const
const BY_ISSUER = { jwks_by_issuer: { [ISSUERS[0]]: URLS[0], [ISSUERS[1]]: URLS[1] } }

const tokenOf = (iss: string | undefined, key: typeof CORP) =>
  requestWith([
    [
      'Authorization',
      `Bearer ${signTestToken({ alg: 'RS256', kid: key.public.kid }, { iss, sub: 'ceo' }, key.signingKey)}`,
    ],
  ])

for (const [what, iss, key, accepted] of [
  ['corp, signed by corp', ISSUERS[0], CORP, true],
  ['partner, signed by partner', ISSUERS[1], PARTNER, true],
  ['corp, signed by partner', ISSUERS[0], PARTNER, false],
  ['partner, signed by corp', ISSUERS[1], CORP, false],
  ['another issuer', 'https://other.test/', CORP, false],
  ['no issuer', undefined, CORP, false],
  ['the name of a member of every object', 'constructor', CORP, false],
] as const) {
  test(`S2-6 jwks_by_issuer ${accepted ? 'accepts' : 'rejects'} a token of ${what}`, async () => {
    const authenticate = buildHandler(jwt, BY_ISSUER, createOAuthHarness())
    const outcome = await authenticate(tokenOf(iss, key))
    assert.equal(outcome.kind, accepted ? 'identity' : 'denial')
  })
}

test('S2-6 a token that a rule without jwks_by_issuer has cached is not accepted by one with it', async () => {
  const harness = createOAuthHarness()
  const request = tokenOf(ISSUERS[0], PARTNER)
  const open = buildHandler(jwt, { jwks_urls: URLS, trusted_issuers: ISSUERS }, harness)
  assert.equal((await open(request)).kind, 'identity')
  assert.equal((await buildHandler(jwt, BY_ISSUER, harness)(request)).kind, 'denial')
})

test('S2-6 warns about several key sets and several trusted issuers without jwks_by_issuer', () => {
  const warningsOf = (config: object) => {
    const harness = createOAuthHarness()
    buildHandler(jwt, config, harness)
    return harness.warnings.map(text => text.split(':', 1)[0])
  }
  assert.deepEqual(warningsOf({ jwks_urls: URLS, trusted_issuers: ISSUERS }), ['jwks_urls'])
  assert.deepEqual(warningsOf({ jwks_urls: URLS, trusted_issuers: [ISSUERS[0]] }), [])
  assert.deepEqual(warningsOf({ jwks_urls: [URLS[0]], trusted_issuers: ISSUERS }), [])
  assert.deepEqual(warningsOf({ ...BY_ISSUER, trusted_issuers: ISSUERS }), [])
  assert.deepEqual(warningsOf({ ...BY_ISSUER, jwks_urls: URLS }), ['jwks_urls'])
  assert.throws(() => buildHandler(jwt, {}, createOAuthHarness()), /is missing/)
})
