import assert from 'node:assert/strict'
import test from 'node:test'
import type { JsonObject } from '../../../src/access/session.ts'
import { type ClaimRules, compileClaimChecks } from '../../../src/handlers/token/jwt_claims.ts'

const NOW_SECONDS = 1_800_000_000
const read = (rules: ClaimRules, claims: JsonObject) => compileClaimChecks(rules)(claims, NOW_SECONDS * 1000)
const isAccepted = (rules: ClaimRules, claims: JsonObject) => read(rules, claims).kind === 'bearer'

/** Claims with times, and whether the token is accepted (C18). */
const TIMES: readonly (readonly [claims: JsonObject, taken: boolean])[] = [
  [{}, true],
  [{ exp: 0 }, true],
  [{ exp: NOW_SECONDS + 1 }, true],
  [{ exp: NOW_SECONDS + 0.9 }, false],
  [{ exp: NOW_SECONDS + 1.9 }, true],
  [{ nbf: NOW_SECONDS + 0.9 }, true],
  [{ iat: NOW_SECONDS + 0.9 }, true],
  [{ exp: 0.5 }, false],
  [{ exp: NOW_SECONDS }, false],
  [{ exp: NOW_SECONDS - 1 }, false],
  [{ exp: -1 }, false],
  [{ exp: 253_402_300_800 }, true],
  [{ exp: 2 ** 63 }, false],
  [{ exp: 1e308 }, false],
  [{ nbf: -1e308 }, false],
  [{ exp: String(NOW_SECONDS + 60) }, false],
  [{ exp: null }, false],
  [{ exp: true }, false],
  [{ exp: [NOW_SECONDS + 60] }, false],
  [{ nbf: NOW_SECONDS }, true],
  [{ nbf: NOW_SECONDS + 1 }, false],
  [{ nbf: 'x' }, false],
  [{ nbf: 0 }, true],
  [{ iat: NOW_SECONDS }, true],
  [{ iat: NOW_SECONDS + 1 }, false],
  [{ iat: -5 }, true],
  [{ iat: {} }, false],
  [{ exp: NOW_SECONDS, iat: NOW_SECONDS }, false],
]
for (const [claims, taken] of TIMES) {
  test(`a token with ${JSON.stringify(claims)} at ${NOW_SECONDS}`, () =>
    assert.equal(isAccepted({}, claims), taken))
}

test('leeway moves each limit, and exp can be required (Q-59)', () => {
  const rules = { leeway: '10s', require_exp: true }
  assert.ok(isAccepted(rules, { exp: NOW_SECONDS - 9, nbf: NOW_SECONDS + 9, iat: NOW_SECONDS + 9 }))
  for (const claims of [
    { exp: NOW_SECONDS - 10 },
    { exp: NOW_SECONDS, nbf: NOW_SECONDS + 11 },
    { exp: NOW_SECONDS, iat: NOW_SECONDS + 11 },
    {},
    { exp: 0 },
  ]) {
    assert.ok(!isAccepted(rules, claims), JSON.stringify(claims))
  }
})

test('explains a token that expired when it was issued (J14)', () => {
  const outcome = read({}, { exp: NOW_SECONDS, iat: NOW_SECONDS })
  assert.match('reason' in outcome ? outcome.reason : '', /no ttl/)
})

const AUDIENCES: readonly (readonly [aud: JsonObject[string] | undefined, taken: boolean])[] = [
  [['a', 'b'], true],
  [['b', 'x', 'a'], true],
  [['a'], false],
  ['a', false],
  ['a b', false],
  [['a', 'b', 1], false],
  [{ a: 1, b: 1 }, false],
  [null, false],
  [undefined, false],
]
for (const [aud, taken] of AUDIENCES) {
  test(`an audience of ${JSON.stringify(aud)} if a and b are required (Q-64)`, () => {
    const claims = aud === undefined ? {} : { aud }
    assert.equal(isAccepted({ target_audience: ['a', 'b'] }, claims), taken)
  })
}

test('accepts a single audience as a string', () => {
  assert.ok(isAccepted({ target_audience: ['a'] }, { aud: 'a' }))
  assert.ok(!isAccepted({ target_audience: ['a'] }, { aud: 'ab' }))
})

test('compares issuers exactly', () => {
  const rules = { trusted_issuers: ['https://id/', 'b'] }
  assert.ok(isAccepted(rules, { iss: 'https://id/' }))
  for (const iss of ['https://id', 'https://id/x', 'HTTPS://id/', '', null, ['b'], 1]) {
    assert.ok(!isAccepted(rules, { iss } as JsonObject), String(iss))
  }
  assert.ok(!isAccepted(rules, {}))
})

/** Claims, and the resulting extra data. */
const SCOPES: readonly (readonly [claims: JsonObject, extra: JsonObject])[] = [
  [{}, { scp: [] }],
  [{ scp: ['a', 1, 'b'] }, { scp: ['a', '', 'b'] }],
  [{ scope: 'a  b' }, { scp: ['a', '', 'b'] }],
  // Observed with Oathkeeper v0.40.9: an empty string has no scope.
  [{ scope: '' }, { scp: [] }],
  [
    { scp: '', scope: 'a' },
    { scp: [], scope: 'a' },
  ],
  [{ scopes: ['a'] }, { scp: ['a'] }],
  [
    { scp: 'p', scope: 'x', scopes: 'z' },
    { scp: ['p'], scope: 'x', scopes: 'z' },
  ],
  [{ scope: 7 }, { scp: [] }],
  [
    { scp: null, scope: 'a' },
    { scp: [], scope: 'a' },
  ],
]
for (const [claims, extra] of SCOPES) {
  test(`the scopes of ${JSON.stringify(claims)}`, () => {
    const outcome = read({}, claims)
    assert.deepEqual('extra' in outcome && outcome.extra, extra)
  })
}

test('a missing scope is a 401, as are required scopes without a strategy (Q-57)', () => {
  const claims = { scope: 'a' }
  assert.ok(isAccepted({ required_scope: ['a'], scope_strategy: 'exact' }, claims))
  for (const scope_strategy of ['exact', 'none', undefined] as const) {
    const outcome = read({ required_scope: ['a', 'b'], scope_strategy }, claims)
    assert.deepEqual('status' in outcome && [outcome.status, outcome.code], [401, 'scope_missing'])
  }
})

test('the subject is a string sub; members of Object.prototype are not claims', () => {
  const subject = (claims: JsonObject) => {
    const outcome = read({}, claims)
    return 'subject' in outcome ? outcome.subject : outcome
  }
  assert.equal(subject({ sub: 'sam' }), 'sam')
  assert.equal(subject({ sub: 1 }), '')
  assert.equal(subject({}), '')
  const polluted = JSON.parse('{"__proto__":{"sub":"root","scp":["admin"]}}') as JsonObject
  assert.equal(subject(polluted), '')
  assert.ok(!isAccepted({ required_scope: ['admin'], scope_strategy: 'exact' }, polluted))
})
