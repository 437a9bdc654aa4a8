import assert from 'node:assert/strict'
import test from 'node:test'
import { type Denial, forbidden, rateLimited, unauthorized, unavailable } from '../../../src/access/denial.ts'
import { NOT_RESPONSIBLE } from '../../../src/access/pipeline.ts'
import { identity } from '../../../src/access/session.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import { jwt } from '../../../src/handlers/authenticators/jwt.ts'
import { oauth2ClientCredentials } from '../../../src/handlers/authenticators/oauth2_client_credentials.ts'
import { oauth2Introspection } from '../../../src/handlers/authenticators/oauth2_introspection.ts'
import { fallThrough } from '../../../src/handlers/parts/fall_through.ts'
import { inlineSet, json, oauthWorld } from '../../fakes/oauth_world.ts'
import { requestWith } from '../../fakes/request.ts'
import { build } from '../../fakes/services.ts'

for (const [what, denial, falls] of [
  ['a rejected credential', unauthorized('credential_rejected'), true],
  ['none where one belongs', unauthorized('no_credential'), true],
  ['several unequal credentials (C13)', unauthorized('ambiguous_credential'), false],
  ['a good one without a scope', unauthorized('scope_missing'), false],
  ['a good one without a second factor', unauthorized('second_factor_required'), false],
  ['that no key could be had', unauthorized('unavailable'), false],
  ['a token for somebody else', forbidden('credential_rejected'), false],
  ['a slow-down', rateLimited(), false],
  ['that nothing could be found out (F13)', unavailable('down'), false],
] as const satisfies readonly (readonly [string, Denial, boolean])[]) {
  test(`${what} ${falls ? 'is left to the next authenticator' : 'ends the search'} where a rule wants it (Q-48)`, async () => {
    for (const outcome of [denial, Promise.resolve(denial)]) {
      const wanted = fallThrough({ fall_through: true }, () => outcome)
      assert.equal(await wanted(requestWith()), falls ? NOT_RESPONSIBLE : denial)
      for (const config of [{}, { fall_through: false }]) {
        assert.equal(await fallThrough(config, () => outcome)(requestWith()), denial)
      }
    }
  })
}

test('who is recognised is recognised, at once where that was known at once', () => {
  const sam = identity('sam')
  assert.equal(fallThrough({ fall_through: true }, () => sam)(requestWith()), sam)
})

const lines = (authorization: string) => requestWith([['Authorization', authorization]])
for (const [handler, config, request] of [
  [bearerToken, { check_session_url: 'http://a/refuses' }, lines('Bearer x')],
  [
    cookieSession,
    { check_session_url: 'http://a/refuses', preserve_path: true },
    requestWith([['Cookie', 'a=1']]),
  ],
  [jwt, { jwks_urls: [inlineSet([])] }, lines('Bearer a.b.c')],
  [oauth2Introspection, { introspection_url: 'http://a/inactive' }, lines('Bearer x')],
  [oauth2ClientCredentials, { token_url: 'http://a/refuses' }, lines(`Basic ${btoa('a:b')}`)],
] as const) {
  test(`${handler.id} knows the key, and ends the search without it`, async () => {
    const kinds = [true, false].map(async fall_through => {
      const world = oauthWorld({
        '/refuses': { status: 401 },
        '/': { status: 401 },
        '/inactive': json({ active: false }),
      })
      // The handlers have unlike configs; what they compile to is alike.
      const authenticate = build(handler as typeof jwt, { ...config, fall_through }, world)
      return (await authenticate(request)).kind
    })
    assert.deepEqual(await Promise.all(kinds), ['not responsible', 'denial'])
  })
}
