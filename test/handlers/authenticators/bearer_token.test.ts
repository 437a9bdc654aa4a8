import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Verdict } from '../../../src/access/verdict.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { buildHandler, createHandlerHarness, type HandlerHarness } from '../../support/handler_harness.ts'
import { answered } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

const ENDPOINT_CONFIG = { check_session_url: 'http://store/check/me' }
const KRATOS_CONFIG = { check_session_url: 'http://kratos:4433/sessions/whoami' }
const BOB = answered(200, { sub: 'bob', extra: { e: 1 }, subject: 'other' })
const REJECTED: Verdict = { kind: 'rejected', cache: 'miss' }

type Lines = Parameters<typeof requestWith>[0]
const authenticate = async (config: object, headers: Lines, harness: HandlerHarness, parts = {}) =>
  buildHandler(bearerToken, config, harness)(requestWith(headers, parts))
const bearer = (token: string) => [['Authorization', `Bearer ${token}`]] as const

for (const [what, config, headers, sent] of [
  ['the Authorization header', {}, bearer('tok123'), [['authorization', 'Bearer tok123']]],
  ['a matching prefix', { prefix: 'tok' }, bearer('tok123'), [['authorization', 'Bearer tok123']]],
  ['another prefix', { prefix: 'tok' }, bearer('zzz'), undefined],
  ['a prefix in another case', { prefix: 'TOK' }, bearer('tok123'), undefined],
  ['no token', {}, [], undefined],
  ['another scheme', {}, [['Authorization', 'Basic xx']], undefined],
  ['another header, which is not sent (Q-54)', { token_from: { header: 'X-Tok' } }, [['X-Tok', 'abc']], []],
  [
    'another header, which is listed',
    { token_from: { header: 'X-Tok' }, forward_http_headers: ['x-tok'] },
    [['X-Tok', 'abc']],
    [['x-tok', 'abc']],
  ],
  ['a cookie, which is not sent (Q-54)', { token_from: { cookie: 'tok' } }, [['Cookie', 'tok=abc']], []],
  [
    'the raw header with its prefix',
    { token_from: { header: 'authorization' }, prefix: 'Bearer ' },
    bearer('x'),
    [['authorization', 'Bearer x']],
  ],
] as const satisfies readonly (readonly [string, object, Lines, unknown])[]) {
  test(`other endpoint: token from ${what}`, async () => {
    const harness = createHandlerHarness({ answer: BOB })
    const outcome = await authenticate({ ...ENDPOINT_CONFIG, ...config }, headers, harness)
    assert.equal(outcome.kind, sent === undefined ? 'not responsible' : 'identity')
    assert.deepEqual(
      harness.requests.map(call => call.headers),
      sent === undefined ? [] : [sent],
    )
    if (outcome.kind === 'identity') assert.deepEqual([outcome.subject, outcome.extra], ['bob', { e: 1 }])
  })
}

test('denies several different tokens instead of leaving them to the next authenticator (C13)', async () => {
  const harness = createHandlerHarness()
  const outcome = await authenticate(ENDPOINT_CONFIG, [...bearer('a'), ...bearer('b')], harness)
  assert.equal(outcome.kind === 'denial' && outcome.code, 'ambiguous_credential')
  assert.equal(harness.requests.length, 0)
})

for (const [what, config, headers, query, value] of [
  ['the Authorization header', {}, bearer('ory_st_x'), '', 'ory_st_x'],
  ['a prefix', { prefix: 'ory_st_' }, bearer('ory_st_x'), '', 'ory_st_x'],
  ['X-Session-Token', {}, [['X-Session-Token', 'ory_st_y']], '', 'ory_st_y'],
  ['X-Session-Token before a JWT', {}, [...bearer('a.b.c'), ['X-Session-Token', 'ory_st_y']], '', 'ory_st_y'],
  [
    'Bearer where the other header is empty',
    {},
    [...bearer('ory_st_x'), ['X-Session-Token', '']],
    '',
    'ory_st_x',
  ],
  [
    'the configured location only',
    { token_from: { header: 'Authorization' } },
    [...bearer('ory_st_x'), ['X-Session-Token', 'ory_st_y']],
    '',
    'ory_st_x',
  ],
  [
    'X-Session-Token in token_from',
    { token_from: { header: 'X-Session-Token' } },
    [['X-Session-Token', 'ory_st_y']],
    '',
    'ory_st_y',
  ],
  ['a cookie', { token_from: { cookie: 't' } }, [['Cookie', 't=ory_st_z']], '', 'ory_st_z'],
  ['the query', { token_from: { query_parameter: 't' } }, [], 't=ory_st_q', 'ory_st_q'],
] as const satisfies readonly (readonly [string, object, Lines, string, string])[]) {
  test(`Kratos receives the token from ${what} as its only credential`, async () => {
    const harness = createHandlerHarness({ verdict: REJECTED })
    await authenticate({ ...KRATOS_CONFIG, ...config }, headers, harness, { query })
    assert.deepEqual(
      harness.verifyCalls.map(({ credential }) => credential),
      [{ kind: 'token', name: '', value }],
    )
    assert.equal(harness.requests.length, 0)
  })
}

for (const [what, token] of [
  ['a leading space', ' ory_st_x'],
  ['bytes outside ASCII', 'ory_st_ü'],
  ['a control character', 'ory_st_\u0001'],
  ['endless text', 'x'.repeat(8_193)],
] as const) {
  test(`rejects ${what} without asking Kratos`, async () => {
    const harness = createHandlerHarness()
    const outcome = await authenticate(KRATOS_CONFIG, bearer(token), harness)
    assert.equal(outcome.kind === 'denial' && outcome.code, 'credential_rejected')
    assert.equal(harness.verifyCalls.length, 0)
  })
}

const JWT = 'eyJhbGciOi.eyJzdWIi.c2ln'
for (const [what, config, headers, query] of [
  ['as Bearer', {}, bearer(JWT), ''],
  ['as Bearer, with a matching prefix', { prefix: 'ey' }, bearer(JWT), ''],
  ['in another header', { token_from: { header: 'X-Token' } }, [['X-Token', JWT]], ''],
  ['in the query', { token_from: { query_parameter: 't' } }, [], `t=${JWT}`],
] as const satisfies readonly (readonly [string, object, Lines, string])[]) {
  test(`leaves a JWT ${what} to another authenticator`, async () => {
    const harness = createHandlerHarness()
    const outcome = await authenticate({ ...KRATOS_CONFIG, ...config }, headers, harness, { query })
    assert.equal(outcome.kind, 'not responsible')
    assert.equal(harness.verifyCalls.length, 0)
  })
}

for (const config of [{}, { token_from: { header: 'X-Session-Token' } }]) {
  test(`denies an invalid value in X-Session-Token instead of leaving it to anonymous (C27): ${JSON.stringify(config)}`, async () => {
    const harness = createHandlerHarness()
    const outcome = await authenticate({ ...KRATOS_CONFIG, ...config }, [['X-Session-Token', JWT]], harness)
    assert.equal(outcome.kind === 'denial' && outcome.code, 'credential_rejected')
    assert.equal(harness.verifyCalls.length, 0)
  })
}

test('denies two different tokens in X-Session-Token (C13)', async () => {
  const headers = [
    ['X-Session-Token', 'ory_st_x'],
    ['X-Session-Token', 'ory_st_y'],
  ] as const
  const outcome = await authenticate(KRATOS_CONFIG, headers, createHandlerHarness())
  assert.equal(outcome.kind === 'denial' && outcome.code, 'ambiguous_credential')
})

test('ignores X-Session-Token for another endpoint', async () => {
  const outcome = await authenticate(
    ENDPOINT_CONFIG,
    [['X-Session-Token', 'ory_st_x']],
    createHandlerHarness({ answer: BOB }),
  )
  assert.equal(outcome.kind, 'not responsible')
})

test('asks for a second factor with the challenge of RFC 9470, without a login URL', async () => {
  const verdict: Verdict = { kind: 'second factor', loginUrl: 'https://auth/x', cache: 'miss' }
  const outcome = (await authenticate(
    KRATOS_CONFIG,
    bearer('ory_st_x'),
    createHandlerHarness({ verdict }),
  )) as Denial
  assert.deepEqual([outcome.status, outcome.code, outcome.hints], [401, 'second_factor_required', undefined])
  const [header] = outcome.headers
  assert.equal(header?.name, 'www-authenticate')
  assert.match(header?.value ?? '', /^Bearer error="insufficient_user_authentication", .*acr_values="aal2"$/)
})

test('rejects an invalid configuration when rules load', () => {
  for (const config of [
    {},
    { ...ENDPOINT_CONFIG, token_from: {} },
    { ...ENDPOINT_CONFIG, token_from: { header: 'X', cookie: 'Y' } },
    { ...ENDPOINT_CONFIG, only: ['x'] },
  ]) {
    assert.throws(() => buildHandler(bearerToken, config, createHandlerHarness()), JSON.stringify(config))
  }
})

test('denies two tokens that a proxy joined in one line, without asking Kratos (J4)', async () => {
  const harness = createHandlerHarness()
  const outcome = await authenticate(KRATOS_CONFIG, bearer('ory_st_x,Bearer ory_st_y'), harness)
  assert.equal(outcome.kind === 'denial' && outcome.code, 'ambiguous_credential')
  assert.equal(harness.verifyCalls.length, 0)
})

test('warns only of forwarded credentials that Kratos does not receive', () => {
  const warned = (config: object) => {
    const harness = createHandlerHarness()
    buildHandler(bearerToken, { ...KRATOS_CONFIG, ...config }, harness)
    return harness.warnings.map(text => text.split(' (', 1)[0])
  }
  const all = ['Authorization', 'x-session-token', 'COOKIE', 'X-Tenant']
  const notForwarded = (...names: string[]) =>
    names.map(name => `forward_http_headers: ${name} is not forwarded`)
  assert.deepEqual(warned({ forward_http_headers: all }), notForwarded('COOKIE'))
  assert.deepEqual(
    warned({ forward_http_headers: all, token_from: { header: 'X-Session-Token' } }),
    notForwarded('Authorization', 'COOKIE'),
  )
  assert.deepEqual(
    warned({ forward_http_headers: all, token_from: { cookie: 't' } }),
    notForwarded('Authorization', 'x-session-token', 'COOKIE'),
  )
})
