/** A JWT that Kratos made of a session ends with the session, although Kratos cannot be asked about it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jwt } from '../../../src/handlers/authenticators/jwt.ts'
import type { RevocationTarget } from '../../../src/sessions/types.ts'
import { buildHandler } from '../../support/handler_harness.ts'
import { signTestToken, testKey } from '../../support/jwks_host.ts'
import { createOAuthHarness, inlineKeySetUrl } from '../../support/oauth_harness.ts'
import { requestWith } from '../../support/request.ts'
import { createSessionHarness, sessionIdOf } from '../../support/session_harness.ts'

const KEY = testKey('RSA', { kid: 'rsa', use: 'sig' })
const RULE = { jwks_urls: [inlineKeySetUrl([KEY.public])] }
const IDENTITY = '9f425a8d-7efc-4768-8f23-7647a74fdf13'
const [ANNA, BERT] = [sessionIdOf('anna'), sessionIdOf('bert')]

/** The verifier of one process, with the authenticator `jwt` beside it. */
function createReplica() {
  const sessionHarness = createSessionHarness()
  const { sessions, clock } = sessionHarness
  const harness = createOAuthHarness()
  const services = { ...harness.services, clock, kratos: sessions }
  const authenticate = buildHandler(jwt, RULE, { ...harness, services })
  const issue = (claims: object = {}): string => {
    const iat = Math.floor(clock.wall() / 1000)
    const all = { iss: 'http://auth/', sid: ANNA, sub: IDENTITY, iat, exp: iat + 3600, ...claims }
    return signTestToken({ alg: 'RS256', kid: 'rsa' }, all, KEY.signingKey)
  }
  async function isAccepted(token: string): Promise<boolean> {
    const outcome = await authenticate(requestWith([['Authorization', `Bearer ${token}`]]))
    if (outcome.kind === 'denial')
      assert.deepEqual([outcome.status, outcome.code], [401, 'credential_rejected'])
    return outcome.kind === 'identity'
  }
  return { ...sessionHarness, issue, isAccepted }
}

for (const [what, target, claims, accepted] of [
  ['its session', { kind: 'session', id: ANNA }, {}, false],
  ['another session', { kind: 'session', id: BERT }, {}, true],
  ['its identity', { kind: 'identity', id: IDENTITY }, {}, false],
  ['another identity', { kind: 'identity', id: BERT }, {}, true],
  ['its identity except its session', { kind: 'identity', id: IDENTITY, keep: ANNA }, {}, true],
  ['its identity except another session', { kind: 'identity', id: IDENTITY, keep: BERT }, {}, false],
  ['its session, a token without iat', { kind: 'session', id: ANNA }, { iat: undefined }, false],
  ['its identity, a token without sid', { kind: 'identity', id: IDENTITY }, { sid: undefined }, true],
] as const satisfies readonly (readonly [string, RevocationTarget, object, boolean])[]) {
  test(`E a token after a revocation of ${what}: ${accepted ? 'accepted' : 'rejected'} until it ends (C9)`, async () => {
    const { sessions, clock, issue, isAccepted } = createReplica()
    const token = issue(claims)
    assert.ok(await isAccepted(token), 'before the revocation')
    clock.advance(1_000)
    sessions.revoke(target)
    assert.equal(await isAccepted(token), accepted)
    clock.advance(3_590_000)
    assert.equal(await isAccepted(token), accepted, 'shortly before the token ends')
  })
}

test('E revocations of other replicas reject tokens, too', async () => {
  const { sessions, issue, isAccepted } = createReplica()
  const token = issue()
  sessions.applyRevocation({ kind: 'session', id: ANNA })
  assert.equal(await isAccepted(token), false)
})

for (const [what, target] of [
  ['a logout by its cookie', { kind: 'credential', value: 'anna' }],
  ['everything', { kind: 'everything' }],
] as const) {
  test(`E a token of a cached session is rejected after ${what}, whatever its sub is`, async () => {
    const { sessions, logIn, issue, isAccepted } = createReplica()
    await logIn('anna')
    const token = issue({ sub: 'an external id' })
    const other = issue({ sid: BERT, sub: 'another' })
    sessions.revoke(target)
    assert.equal(await isAccepted(token), false)
    assert.equal(await isAccepted(other), true)
  })
}

test('E a token that Kratos issues after the holdoff is accepted: a wrong revocation locks no user out', async () => {
  const { sessions, clock, issue, isAccepted } = createReplica()
  sessions.revoke({ kind: 'session', id: ANNA })
  clock.advance(4_000)
  const during = issue()
  clock.advance(2_000)
  assert.equal(await isAccepted(during), false, 'Kratos may not have committed the end yet')
  assert.equal(await isAccepted(issue()), true)
})

test('E a token that is issued a second after a visit to the login is accepted', async () => {
  const { sessions, clock, issue, isAccepted } = createReplica()
  sessions.revoke({ kind: 'identity', id: IDENTITY })
  clock.advance(1_000)
  assert.equal(await isAccepted(issue()), true)
})

test('E a flood of revocations drops the oldest ones only', async () => {
  const { sessions, issue, isAccepted } = createReplica()
  const token = issue()
  sessions.revoke({ kind: 'session', id: ANNA })
  for (let i = 1; i < 100_000; i++) sessions.revoke({ kind: 'session', id: `invented ${i}` })
  assert.equal(await isAccepted(token), false)
})
