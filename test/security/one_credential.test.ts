/** One handler looks in several places for one credential: unequal credentials are a denial, not a choice. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { bearerToken } from '../../src/handlers/authenticators/bearer_token.ts'
import { cookieSession } from '../../src/handlers/authenticators/cookie_session.ts'
import { buildHandler, createHandlerHarness } from '../support/handler_harness.ts'
import { requestWith } from '../support/request.ts'

const KRATOS = { check_session_url: 'http://kratos:4433/sessions/whoami' }
const JWT = 'eyJhbGciOi.eyJzdWIi.c2ln'

/** The value that Kratos receives, the code of the denial, or the kind of the outcome. */
async function credentialOf(
  id: 'bearer_token' | 'cookie_session',
  config: object,
  headers: Parameters<typeof requestWith>[0],
): Promise<string> {
  const harness = createHandlerHarness({ verdict: { kind: 'rejected', cache: 'miss' } })
  const full = { ...KRATOS, ...config }
  const authenticate =
    id === 'bearer_token'
      ? buildHandler(bearerToken, full, harness)
      : buildHandler(cookieSession, full, harness)
  const outcome = await authenticate(requestWith(headers))
  const { credential } = harness.verifyCalls[0] ?? {}
  if (credential !== undefined) return `${credential.name}=${credential.value}`
  return outcome.kind === 'denial' ? outcome.code : outcome.kind
}

for (const [what, config, authorization, sessionToken, expected] of [
  ['two session tokens', {}, 'Bearer ory_st_x', 'ory_st_y', 'ambiguous_credential'],
  ['the same token in both', {}, 'Bearer ory_st_x', 'ory_st_x', '=ory_st_x'],
  ['a JWT in Authorization, which is not for Kratos', {}, `Bearer ${JWT}`, 'ory_st_y', '=ory_st_y'],
  ['a bearer token without the prefix', { prefix: 'ory_st_' }, 'Bearer opaque', 'ory_st_y', '=ory_st_y'],
  [
    'a session token without the prefix',
    { prefix: 'ory_st_' },
    'Bearer ory_st_x',
    'opaque',
    'ambiguous_credential',
  ],
  ['a JWT in X-Session-Token', {}, 'Bearer ory_st_x', JWT, 'ambiguous_credential'],
  ['another scheme', {}, 'Basic eDp5', 'ory_st_y', '=ory_st_y'],
] as const) {
  test(`S2 bearer_token with ${what}: ${expected}`, async () => {
    const headers = [
      ['Authorization', authorization],
      ['X-Session-Token', sessionToken],
    ] as const
    assert.equal(await credentialOf('bearer_token', config, headers), expected)
    assert.equal(await credentialOf('bearer_token', config, [...headers].reverse()), expected)
  })
}

for (const [what, config, cookie, expected] of [
  ['two names of only', { only: ['sid', 'sid2'] }, 'sid=a; sid2=b', 'ambiguous_credential'],
  ['two names of only, one value', { only: ['sid', 'sid2'] }, 'sid=a; sid2=a', 'sid=a'],
  ['the default names', {}, 'ory_session_slug=a; ory_kratos_session=b', 'ambiguous_credential'],
  ['two projects of Ory Network', {}, 'ory_session_x=a; ory_session_y=b', 'ambiguous_credential'],
  ['a name twice among unknown names', {}, 'a=1; sid=x; sid=y', 'ambiguous_credential'],
] as const) {
  test(`S2 cookie_session with ${what}: ${expected}`, async () => {
    assert.equal(await credentialOf('cookie_session', config, [['Cookie', cookie]]), expected)
  })
}

for (const [what, cookie, expected] of [
  ['the default name', 'a=1; ory_kratos_session=b', 'ory_kratos_session=b'],
  ['the name of Ory Network', 'a=1; ory_session_slug=b', 'ory_session_slug=b'],
  ['another name, with all cookies, as Oathkeeper', 'a=1; sid=b; c="2 3"', 'a=1; sid=b; c="2 3"'],
  ['no cookie', '', 'not responsible'],
  ['an empty session cookie beside others', 'a=1; ory_kratos_session=', 'no_credential'],
  ['an empty cookie of Ory Network beside others', 'a=1; ory_session_slug=', 'no_credential'],
] as const) {
  test(`F-3 without only, Kratos is asked about ${what}`, async () => {
    assert.equal(
      await credentialOf('cookie_session', {}, cookie === '' ? [] : [['Cookie', cookie]]),
      expected,
    )
  })
}

test('F-3 the warning names the cookies that are looked for', () => {
  const warningsOf = (config: object) => {
    const harness = createHandlerHarness()
    buildHandler(cookieSession, config, harness)
    return harness.warnings.join('\n')
  }
  assert.match(warningsOf(KRATOS), /only: is not set: .*ory_kratos_session or ory_session_…/)
  assert.doesNotMatch(warningsOf(KRATOS), /any cookie/)
  assert.match(warningsOf({ check_session_url: 'http://store/session' }), /only: is not set: .*any cookie/)
})
