import assert from 'node:assert/strict'
import test from 'node:test'
import { type Denial, forbidden, unauthorized, unavailable } from '../../../src/access/denial.ts'
import { NOT_RESPONSIBLE } from '../../../src/access/pipeline.ts'
import { identity } from '../../../src/access/session.ts'
import type { Verdict } from '../../../src/access/verdict.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import { jwt } from '../../../src/handlers/authenticators/jwt.ts'
import { oauth2ClientCredentials } from '../../../src/handlers/authenticators/oauth2_client_credentials.ts'
import { oauth2Introspection } from '../../../src/handlers/authenticators/oauth2_introspection.ts'
import { withOnRejected } from '../../../src/handlers/responses/on_rejected.ts'
import { buildHandler, createHandlerHarness } from '../../support/handler_harness.ts'
import { requestWith } from '../../support/request.ts'

const outcomeOf = (choice: 'refuse' | 'next' | undefined, denial: Denial) =>
  withOnRejected(choice, () => denial)(requestWith())

for (const code of ['no_credential', 'credential_rejected'] as const) {
  test(`${code} ends the authentication unless on_rejected is next (Q-48)`, () => {
    const denial = unauthorized(code)
    assert.equal(outcomeOf(undefined, denial), denial)
    assert.equal(outcomeOf('refuse', denial), denial)
    assert.equal(outcomeOf('next', denial), NOT_RESPONSIBLE)
  })
}

for (const denial of [
  unavailable('Kratos timed out'),
  unauthorized('ambiguous_credential'),
  unauthorized('unavailable'),
  unauthorized('second_factor_required'),
  unauthorized('scope_missing'),
  forbidden('second_factor_required'),
  forbidden('credential_rejected'),
]) {
  test(`${denial.status} ${denial.code} ends the authentication for every value of on_rejected`, () => {
    assert.equal(outcomeOf('next', denial), denial)
  })
}

test('does not change an identity, synchronous or not', async () => {
  const who = identity('u')
  assert.equal(withOnRejected('next', () => who)(requestWith()), who)
  assert.equal(await withOnRejected('next', async () => who)(requestWith()), who)
  assert.equal(
    await withOnRejected('next', async () => unauthorized('credential_rejected'))(requestWith()),
    NOT_RESPONSIBLE,
  )
})

test('every authenticator that reads a credential has on_rejected', () => {
  for (const { id, config } of [
    cookieSession,
    bearerToken,
    jwt,
    oauth2Introspection,
    oauth2ClientCredentials,
  ]) {
    assert.ok('on_rejected' in (config as unknown as { shape: object }).shape, id)
  }
})

test('an ended session becomes anonymous if the rule allows it, but not during an outage of Kratos', async () => {
  const config = { check_session_url: 'http://kratos/sessions/whoami', only: ['s'], on_rejected: 'next' }
  const ask = async (verdict: Verdict) =>
    (
      await buildHandler(
        cookieSession,
        config,
        createHandlerHarness({ verdict }),
      )(requestWith([['cookie', 's=x']]))
    ).kind
  assert.equal(await ask({ kind: 'rejected', cache: 'miss' }), 'not responsible')
  assert.equal(await ask({ kind: 'unavailable', reason: 'down' }), 'denial')
})
