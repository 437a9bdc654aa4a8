import assert from 'node:assert/strict'
import test from 'node:test'
import { oauth2Introspection } from '../../../src/handlers/authenticators/oauth2_introspection.ts'
import type { Instant } from '../../../src/lib/time.ts'
import { buildHandler } from '../../support/handler_harness.ts'
import { createOAuthHarness, jsonReply, type Replies } from '../../support/oauth_harness.ts'
import { requestWith } from '../../support/request.ts'

const CONFIG = { introspection_url: 'http://id/introspect' }
const ACTIVE_RESPONSE = {
  active: true,
  sub: 'bob',
  username: 'un',
  client_id: 'cid',
  scope: 'a b.c',
  aud: ['x', 'y'],
  iss: 'i1',
}

const request = (token = 'tok123', parts = {}) => requestWith([['Authorization', `Bearer ${token}`]], parts)
async function authenticate(config: object, answer: unknown, parts: Replies = {}) {
  const harness = createOAuthHarness({ '/introspect': jsonReply(answer), ...parts })
  const outcome = await buildHandler(oauth2Introspection, { ...CONFIG, ...config }, harness)(request())
  return { outcome, harness }
}
const summarize = (outcome: { kind: string; status?: number; code?: string }) =>
  outcome.kind === 'denial' ? `${outcome.status} ${outcome.code}` : outcome.kind

test('an active token yields its subject and the data of the response', async () => {
  const ext = { foo: 'bar', username: 'evil', client_id: 'evil', scope: 'evil', aud: 'kept' }
  const { outcome } = await authenticate({}, { ...ACTIVE_RESPONSE, ext, extra_field: 1 })
  assert.deepEqual('extra' in outcome && [outcome.subject, outcome.extra], [
    'bob',
    { foo: 'bar', username: 'un', client_id: 'cid', scope: 'a b.c', aud: ['x', 'y'] },
  ])
  const bare = (await authenticate({}, { active: true, ext: { aud: 'evil' } })).outcome
  assert.deepEqual('extra' in bare && [bare.subject, bare.extra], [
    '',
    { aud: 'evil', username: '', client_id: '', scope: '' },
  ])
})

/** Config, response, outcome (F2). The clock is in 2026. */
const TABLE: readonly (readonly [config: object, answer: unknown, outcome: string])[] = [
  [{}, ACTIVE_RESPONSE, 'identity'],
  [{}, { ...ACTIVE_RESPONSE, active: false }, '401 credential_rejected'],
  [{}, {}, '401 credential_rejected'],
  [{}, { active: null }, '401 credential_rejected'],
  [{}, { active: 1 }, '500 bad_answer'],
  [{}, { active: 'true' }, '500 bad_answer'],
  [{}, null, '500 bad_answer'],
  [{}, [ACTIVE_RESPONSE], '500 bad_answer'],
  [{}, 'text', '500 bad_answer'],
  [{}, { Active: true, Sub: 'bob' }, 'identity'],
  [{}, { active: false, Active: true }, '401 credential_rejected'],
  [{}, { ...ACTIVE_RESPONSE, exp: 0 }, 'identity'],
  [{}, { ...ACTIVE_RESPONSE, exp: 4_102_444_800 }, 'identity'],
  [{}, { ...ACTIVE_RESPONSE, exp: 100 }, '401 credential_rejected'],
  [{}, { ...ACTIVE_RESPONSE, exp: '4102444800' }, '500 bad_answer'],
  [{}, { ...ACTIVE_RESPONSE, exp: 1.5 }, '500 bad_answer'],
  [{}, { ...ACTIVE_RESPONSE, aud: 's' }, 'identity'],
  [{}, { ...ACTIVE_RESPONSE, aud: null }, '500 bad_answer'],
  [{}, { ...ACTIVE_RESPONSE, aud: [1] }, '500 bad_answer'],
  [{}, { ...ACTIVE_RESPONSE, sub: 1 }, '500 bad_answer'],
  [{}, { ...ACTIVE_RESPONSE, sub: null }, 'identity'],
  [{}, { ...ACTIVE_RESPONSE, ext: 'x' }, '500 bad_answer'],
  [{}, { ...ACTIVE_RESPONSE, token_use: 'access_token' }, 'identity'],
  [{}, { ...ACTIVE_RESPONSE, token_use: 'refresh_token' }, '403 credential_rejected'],
  [{}, { ...ACTIVE_RESPONSE, token_use: 'refresh_token', active: false }, '403 credential_rejected'],
  [{ target_audience: ['x', 'y'] }, ACTIVE_RESPONSE, 'identity'],
  [{ target_audience: ['x', 'z'] }, ACTIVE_RESPONSE, '403 credential_rejected'],
  [{ trusted_issuers: ['i1', 'i2'] }, ACTIVE_RESPONSE, 'identity'],
  [{ trusted_issuers: ['i'] }, ACTIVE_RESPONSE, '403 credential_rejected'],
  [{ required_scope: ['zz'] }, ACTIVE_RESPONSE, 'identity'],
  [{ required_scope: ['a'], scope_strategy: 'exact' }, ACTIVE_RESPONSE, 'identity'],
  [{ required_scope: ['a.b'], scope_strategy: 'exact' }, ACTIVE_RESPONSE, '403 scope_missing'],
  [{ required_scope: ['a.b'], scope_strategy: 'hierarchic' }, ACTIVE_RESPONSE, 'identity'],
  [{ required_scope: ['b.d'], scope_strategy: 'wildcard' }, { ...ACTIVE_RESPONSE, scope: 'b.*' }, 'identity'],
  [
    { required_scope: ['b'], scope_strategy: 'wildcard' },
    { ...ACTIVE_RESPONSE, scope: 'b.*' },
    '403 scope_missing',
  ],
]
for (const [config, answer, expected] of TABLE) {
  test(`${JSON.stringify(config)} with ${JSON.stringify(answer)}: ${expected}`, async () => {
    assert.equal(summarize((await authenticate(config, answer)).outcome), expected)
  })
}

for (const [what, reply, expected] of [
  ['401', { status: 401 }, '500 bad_answer'],
  ['201', jsonReply(ACTIVE_RESPONSE, 201), '500 bad_answer'],
  ['no JSON', { body: '<html>' }, '500 bad_answer'],
  [
    'JSON that is too deep',
    { body: `{"active":true,"ext":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}` },
    '500 bad_answer',
  ],
  [
    'nothing',
    { kind: 'failed', cause: 'connect', message: 'introspection: no connection' },
    '500 unavailable',
  ],
] as const) {
  test(`an endpoint that responds with ${what}: ${expected} (Q-58)`, async () => {
    assert.equal(summarize((await authenticate({}, {}, { '/introspect': reply })).outcome), expected)
  })
}

test('passes a 429 on to the client with its headers', async () => {
  const headers = [
    ['retry-after', '7'],
    ['x-other', 'x'],
  ] as const
  const { outcome } = await authenticate({}, {}, { '/introspect': { status: 429, headers } })
  assert.equal(summarize(outcome), '429 rate_limited')
  assert.deepEqual(outcome.kind === 'denial' && outcome.headers, [{ name: 'retry-after', value: '7' }])
})

test('sends the token, the scopes without a strategy, and the headers of the rule', async () => {
  const headers = {
    'X-A': 'b',
    'Content-Type': 'x/y',
    Authorization: 'Basic zz',
    Host: 'evil',
    'X-Forwarded-Host': 'z',
  }
  const config = { required_scope: ['a', 'b'], introspection_request_headers: headers, preserve_host: true }
  const { harness } = await authenticate(config, ACTIVE_RESPONSE)
  const [call] = harness.requests
  assert.equal(call?.method, 'POST')
  assert.equal(call?.body, 'scope=a+b&token=tok123')
  assert.deepEqual(call?.headers, [
    ['x-a', 'b'],
    ['authorization', 'Basic zz'],
    ['x-forwarded-host', 'app.example.com'],
    ['content-type', 'application/x-www-form-urlencoded'],
  ])
  assert.deepEqual((await authenticate({}, ACTIVE_RESPONSE)).harness.calls(), [
    '/introspect scope=&token=tok123',
  ])
  assert.deepEqual((await authenticate({ scope_strategy: 'exact' }, ACTIVE_RESPONSE)).harness.calls(), [
    '/introspect token=tok123',
  ])
})

test('leaves a token without the prefix, and a request without a token, to the next authenticator', async () => {
  assert.equal((await authenticate({ prefix: 'zz' }, ACTIVE_RESPONSE)).outcome.kind, 'not responsible')
  assert.equal((await authenticate({ prefix: 'tok' }, ACTIVE_RESPONSE)).outcome.kind, 'identity')
  assert.equal(
    (await authenticate({ token_from: { cookie: 'c' } }, ACTIVE_RESPONSE)).outcome.kind,
    'not responsible',
  )
})

test('caches a response, and every rule repeats its own checks (C5)', async () => {
  const harness = createOAuthHarness({ '/introspect': jsonReply(ACTIVE_RESPONSE) })
  const cached = { ...CONFIG, cache: { enabled: true, ttl: '30s' } }
  const weak = buildHandler(oauth2Introspection, cached, harness)
  const strong = { ...cached, trusted_issuers: ['other'] }
  assert.equal((await weak(request())).kind, 'identity')
  const hit = weak(request())
  assert.ok(!(hit instanceof Promise))
  assert.deepEqual(hit.kind === 'identity' && hit.annotations, { cache: 'hit' })
  assert.equal(
    summarize(await buildHandler(oauth2Introspection, strong, harness)(request())),
    '403 credential_rejected',
  )
  assert.equal(harness.requests.length, 1)
  // Another token, endpoint or header is another cache entry (C4).
  await weak(request('tok124'))
  await buildHandler(
    oauth2Introspection,
    { ...cached, introspection_url: 'http://id2/introspect' },
    harness,
  )(request())
  await buildHandler(
    oauth2Introspection,
    { ...cached, introspection_request_headers: { a: 'b' } },
    harness,
  )(request())
  assert.equal(harness.requests.length, 4)
  // A rule with a shorter maximum age makes its own call.
  harness.clock.advance(10_000)
  await buildHandler(
    oauth2Introspection,
    { ...CONFIG, cache: { enabled: true, ttl: '5s' } },
    harness,
  )(request())
  assert.equal(harness.requests.length, 5)
  harness.clock.advance(31_000)
  await weak(request())
  assert.equal(harness.requests.length, 6)
})

test('caches a response until the token expires, by default for at most a minute (Q-56)', async () => {
  const harness = createOAuthHarness({
    '/introspect': () => jsonReply({ ...ACTIVE_RESPONSE, exp: Math.floor(harness.clock.wall() / 1000) + 10 }),
  })
  const authenticate = buildHandler(oauth2Introspection, { ...CONFIG, cache: { enabled: true } }, harness)
  await authenticate(request())
  harness.clock.advance(10_000)
  await authenticate(request())
  assert.equal(harness.requests.length, 2)
  const endless = createOAuthHarness({ '/introspect': jsonReply(ACTIVE_RESPONSE) })
  const other = buildHandler(oauth2Introspection, { ...CONFIG, cache: { enabled: true } }, endless)
  await other(request())
  endless.clock.advance(60_000)
  await other(request())
  assert.equal(endless.requests.length, 2)
})

for (const [what, config, reply] of [
  ['without cache.enabled', {}, jsonReply(ACTIVE_RESPONSE)],
  ['an inactive token for more than a second', { cache: { enabled: true } }, jsonReply({ active: false })],
  ['a failure', { cache: { enabled: true } }, { status: 500 }],
  ['if scopes are sent', { cache: { enabled: true }, required_scope: ['a'] }, jsonReply(ACTIVE_RESPONSE)],
] as const) {
  test(`does not cache: ${what}`, async () => {
    const harness = createOAuthHarness({ '/introspect': reply })
    const authenticate = buildHandler(oauth2Introspection, { ...CONFIG, ...config }, harness)
    await authenticate(request())
    harness.clock.advance(1_000)
    await authenticate(request())
    assert.equal(harness.requests.length, 2)
  })
}

test('requests with the same token share one call, and one whose deadline passes gets 503 (C25)', async () => {
  const { promise, resolve } = Promise.withResolvers<object>()
  const harness = createOAuthHarness({ '/introspect': () => promise })
  const authenticate = buildHandler(oauth2Introspection, CONFIG, harness)
  const patient = Promise.all([authenticate(request()), authenticate(request())])
  const hurried = await authenticate(request('tok123', { deadline: (harness.clock.now() + 5) as Instant }))
  assert.equal(summarize(hurried), '503 unavailable')
  resolve(jsonReply(ACTIVE_RESPONSE))
  assert.deepEqual((await patient).map(summarize), ['identity', 'identity'])
  assert.equal(harness.requests.length, 1)
})

// --- pre-authorization ---

const PRE_AUTHORIZATION = {
  enabled: true,
  client_id: 'a b',
  client_secret: 's:/',
  token_url: 'http://id/token',
}

test('authorizes the call with an access token, which is cached until it expires', async () => {
  const harness = createOAuthHarness({
    '/introspect': jsonReply(ACTIVE_RESPONSE),
    '/token': jsonReply({ access_token: 'AT', expires_in: 60 }),
  })
  const config = {
    ...CONFIG,
    pre_authorization: { ...PRE_AUTHORIZATION, audience: 'au', scope: ['foo', 'bar'] },
    introspection_request_headers: { Authorization: 'Basic zz' },
  }
  const authenticate = buildHandler(oauth2Introspection, config, harness)
  await Promise.all([authenticate(request('t1')), authenticate(request('t2'))])
  assert.deepEqual(harness.calls().toSorted(), [
    '/introspect scope=&token=t1',
    '/introspect scope=&token=t2',
    '/token audience=au&grant_type=client_credentials&scope=foo+bar',
  ])
  const auth = harness.requests.map(call => call.headers.filter(([name]) => name === 'authorization'))
  assert.deepEqual(auth[0], [['authorization', `Basic ${btoa('a+b:s%3A%2F')}`]])
  assert.deepEqual(auth[1], [['authorization', 'Bearer AT']])
  const tokens = () => harness.calls().filter(call => call.startsWith('/token')).length
  harness.clock.advance(49_999)
  await authenticate(request('t3'))
  assert.equal(tokens(), 1)
  harness.clock.advance(2)
  await authenticate(request('t4'))
  assert.equal(tokens(), 2)
})

test('sends the credentials in the body to a token endpoint that rejected the header', async () => {
  const harness = createOAuthHarness({
    '/introspect': jsonReply(ACTIVE_RESPONSE),
    '/token': ({ headers }) =>
      headers.some(([name]) => name === 'authorization')
        ? { status: 401 }
        : jsonReply({ access_token: 'AT', expires_in: 1 }),
  })
  const authenticate = buildHandler(
    oauth2Introspection,
    { ...CONFIG, pre_authorization: PRE_AUTHORIZATION },
    harness,
  )
  await authenticate(request('t1'))
  await authenticate(request('t2'))
  const body = '/token client_id=a+b&client_secret=s%3A%2F&grant_type=client_credentials'
  assert.deepEqual(harness.calls(), [
    '/token grant_type=client_credentials',
    body,
    '/introspect scope=&token=t1',
    body,
    '/introspect scope=&token=t2',
  ])
})

test('denies with 500, without a call, if the access token cannot be obtained', async () => {
  const refused = await authenticate({ pre_authorization: PRE_AUTHORIZATION }, ACTIVE_RESPONSE, {
    '/token': { status: 401 },
  })
  assert.equal(summarize(refused.outcome), '500 unavailable')
  assert.deepEqual(refused.harness.calls(), [
    '/token grant_type=client_credentials',
    '/token client_id=a+b&client_secret=s%3A%2F&grant_type=client_credentials',
  ])
})

test('does not reuse an access token that the endpoint rejected', async () => {
  const harness = createOAuthHarness({
    '/introspect': { status: 401 },
    '/token': jsonReply({ access_token: 'AT' }),
  })
  const authenticate = buildHandler(
    oauth2Introspection,
    { ...CONFIG, pre_authorization: PRE_AUTHORIZATION },
    harness,
  )
  await authenticate(request())
  await authenticate(request())
  assert.equal(harness.calls().filter(call => call.startsWith('/token')).length, 2)
})

test('rejects an incomplete pre_authorization, and an invalid URL even if it is disabled', () => {
  const load = (pre_authorization: object) =>
    buildHandler(oauth2Introspection, { ...CONFIG, pre_authorization }, createOAuthHarness())
  for (const pre of [
    { enabled: true },
    { ...PRE_AUTHORIZATION, client_id: undefined },
    { ...PRE_AUTHORIZATION, client_secret: undefined },
    { ...PRE_AUTHORIZATION, token_url: '' },
    { ...PRE_AUTHORIZATION, token_url: 'c' },
    { ...PRE_AUTHORIZATION, enabled: false, token_url: 'c' },
  ]) {
    assert.throws(() => load(pre), JSON.stringify(pre))
  }
  load({ ...PRE_AUTHORIZATION, enabled: false, token_url: undefined })
  load({})
})

test('rejects unknown keys and invalid URLs', () => {
  const load = (config: object) => () =>
    buildHandler(oauth2Introspection, { ...CONFIG, ...config }, createOAuthHarness())
  assert.throws(load({ introspection_url: 'c' }))
  assert.throws(load({ foo: 1 }))
  assert.throws(load({ cache: { ttl: '1d' } }))
  assert.throws(load({ scope_strategy: 'EXACT' }))
})

test('warns about scopes that are not checked (Q-57)', () => {
  const harness = createOAuthHarness()
  const named = (config: object) => {
    buildHandler(oauth2Introspection, { ...CONFIG, ...config }, harness)
    return harness.warnings.splice(0).map(line => line.split(':')[0])
  }
  assert.deepEqual(named({ required_scope: ['a'] }), ['required_scope'])
  assert.deepEqual(named({ required_scope: ['a'], scope_strategy: 'none' }), ['required_scope'])
  assert.deepEqual(named({ required_scope: ['a'], scope_strategy: 'exact' }), [])
  assert.deepEqual(named({ required_scope: [] }), [])
})

test('no denial quotes the token, the secret or the response of the endpoint', async () => {
  for (const reply of [
    jsonReply({ ...ACTIVE_RESPONSE, active: false, sub: 'canary' }),
    { status: 500, body: 'canary' },
    { body: 'canary' },
  ]) {
    const harness = createOAuthHarness({
      '/introspect': reply,
      '/token': jsonReply({ access_token: 'canary' }),
    })
    const config = { ...CONFIG, pre_authorization: { ...PRE_AUTHORIZATION, client_secret: 'canary' } }
    const outcome = await buildHandler(oauth2Introspection, config, harness)(request('canary'))
    assert.equal(outcome.kind, 'denial')
    assert.doesNotMatch(JSON.stringify(outcome), /canary/)
  }
})
