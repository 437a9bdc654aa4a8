import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity } from '../../../src/access/session.ts'
import type { Verdict } from '../../../src/access/verdict.ts'
import { deadlineOf } from '../../../src/clients/http/message.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import type { Instant, WallTime } from '../../../src/lib/time.ts'
import { readWhoamiResponse } from '../../../src/sessions/kratos/whoami_response.ts'
import { buildHandler, createHandlerHarness, type HandlerHarness } from '../../support/handler_harness.ts'
import { answered, IDENTITY_ID, liveSession, sessionDocument } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

const SESSION_URL = 'http://store:80/check/me'
const WHOAMI = 'http://kratos:4433/sessions/whoami'
type Answer = NonNullable<Parameters<typeof createHandlerHarness>[0]>['answer']

async function authenticate(
  config: object,
  request: ReturnType<typeof requestWith>,
  harness: HandlerHarness,
) {
  return buildHandler(cookieSession, config, harness)(request)
}
const summarize = (outcome: Awaited<ReturnType<typeof authenticate>>): unknown => {
  if (outcome.kind === 'identity') return [outcome.subject, outcome.extra]
  return outcome.kind === 'denial' ? [outcome.status, outcome.code] : outcome.kind
}
const cookies = (line: string, parts = {}) => requestWith(line === '' ? [] : [['Cookie', line]], parts)

const ALICE = { subject: 'alice', extra: { a: 1 }, identity: { id: 'i1', traits: { email: 'e@x' } } }

/** Oathkeeper's own outcomes, except for. */
for (const [what, config, answer, expected] of [
  ['200', {}, answered(200, ALICE), ['alice', { a: 1 }]],
  [
    '200 with other paths',
    { subject_from: 'identity.id', extra_from: 'identity' },
    answered(200, ALICE),
    ['i1', ALICE.identity],
  ],
  [
    '200 with the whole answer',
    { subject_from: 'identity.traits.email', extra_from: '@this' },
    answered(200, ALICE),
    ['e@x', ALICE],
  ],
  [
    '200 without what the paths name',
    { subject_from: 'no', extra_from: 'no' },
    answered(200, ALICE),
    ['', undefined],
  ],
  ['200 with null', {}, answered(200, { subject: null, extra: null }), ['', undefined]],
  ['200 without a body (Q-44)', {}, answered(200), ['', undefined]],
  ['200 with HTML (Q-44)', {}, answered(200, '<html>'), ['', undefined]],
  ['200 with a text (Q-44)', {}, answered(200, 'ok'), ['', undefined]],
  ['200 with JSON that ends too early (P3)', {}, answered(200, '{"subject":"x"'), [403, 'bad_answer']],
  ['200 with JSON that is none (P3)', {}, answered(200, ' {"subject":01}'), [403, 'bad_answer']],
  [
    '200 with a number beyond a double (P3)',
    {},
    answered(200, '{"subject":"x","n":1e999}'),
    [403, 'bad_answer'],
  ],
  ['200 with a byte order mark', {}, answered(200, '\ufeff{"subject":"x"}'), ['x', undefined]],
  ['200 with half a character', {}, answered(200, '{"subject":"a\\ud800"}'), ['a\ufffd', undefined]],
  [
    '200 without a subject that is required',
    { require_subject: true },
    answered(200, '<html>'),
    [403, 'bad_answer'],
  ],
  ['a number as subject', { subject_from: 'n' }, answered(200, { n: 12 }), [403, 'bad_answer']],
  ['an object as subject', { subject_from: 'extra' }, answered(200, ALICE), [403, 'bad_answer']],
  ['a string as extra', { extra_from: 'subject' }, answered(200, ALICE), [403, 'bad_answer']],
  ['a list as extra', { extra_from: 'l' }, answered(200, { l: [1] }), [403, 'bad_answer']],
  ['201', {}, answered(201, ALICE), [401, 'credential_rejected']],
  ['204', {}, answered(204), [401, 'credential_rejected']],
  ['206', {}, answered(206, ALICE), [401, 'credential_rejected']],
  [
    'a redirect, not followed (Q-45)',
    {},
    answered(302, '', [['location', '/login']]),
    [401, 'credential_rejected'],
  ],
  ['304', {}, answered(304), [401, 'credential_rejected']],
  ['400', {}, answered(400, '{}'), [401, 'credential_rejected']],
  ['401', {}, answered(401), [401, 'credential_rejected']],
  ['403', {}, answered(403), [401, 'credential_rejected']],
  ['422', {}, answered(422, { error: { id: 'session_aal2_required' } }), [401, 'credential_rejected']],
  ['500', {}, answered(500), [401, 'credential_rejected']],
  ['429', {}, answered(429), [429, 'rate_limited']],
  [
    'a failed connection (Q-51)',
    {},
    { kind: 'failed', cause: 'connect', message: 'no' },
    [503, 'unavailable'],
  ],
  [
    'no connection, with forbid_unreachable (Q-51)',
    { forbid_unreachable: true },
    { kind: 'failed', cause: 'connect', message: 'no' },
    [403, 'unavailable'],
  ],
  ['a timeout', {}, { kind: 'failed', cause: 'deadline', message: 'no' }, [503, 'unavailable']],
] as const satisfies readonly (readonly [string, object, NonNullable<Answer>, unknown])[]) {
  test(`other endpoint: ${what}`, async () => {
    const harness = createHandlerHarness({ answer })
    const outcome = await authenticate(
      { check_session_url: SESSION_URL, ...config },
      cookies('sid=1'),
      harness,
    )
    assert.deepEqual(summarize(outcome), expected)
    assert.equal(harness.requests.length, 1)
    assert.equal(harness.verifyCalls.length, 0)
  })
}

test('passes on the rate limit headers of a 429 of another endpoint', async () => {
  const harness = createHandlerHarness({
    answer: answered(429, '', [
      ['retry-after', '9'],
      ['x-other', 'n'],
    ]),
  })
  const outcome = (await authenticate(
    { check_session_url: SESSION_URL },
    cookies('sid=1'),
    harness,
  )) as Denial
  assert.deepEqual(outcome.headers, [{ name: 'retry-after', value: '9' }])
})

for (const [what, config, line, responsible] of [
  ['no cookie', {}, '', false],
  ['any cookie (Q-46)', {}, 'other=1', true],
  ['a name without value', {}, 'foo', true],
  ['a value without name', {}, '=x', false],
  ['one of the named cookies', { only: ['session', 'sid'] }, 'a=1; sid=zyx', true],
  ['none of the named cookies', { only: ['session', 'sid'] }, 'sessionid=zyx', false],
  ['a named cookie in another case', { only: ['sid'] }, 'SID=zyx', false],
  ['an empty list of names', { only: [] }, 'other=1', true],
  ['no names', { only: [] }, 'other=1', true],
] as const) {
  test(`other endpoint: ${responsible ? 'applies' : 'does not apply'} with ${what}`, async () => {
    const harness = createHandlerHarness({ answer: answered(200, ALICE) })
    const outcome = await authenticate({ check_session_url: SESSION_URL, ...config }, cookies(line), harness)
    assert.equal(outcome.kind, responsible ? 'identity' : 'not responsible')
    assert.equal(harness.requests.length, responsible ? 1 : 0)
  })
}

const FULL_REQUEST = requestWith(
  [
    ['Cookie', 'sid=1; other=2'],
    ['Authorization', 'Bearer t'],
    ['X-User', 'one'],
    ['X-User', 'two'],
    ['X-Forwarded-Host', 'client'],
    ['Accept-Encoding', 'gzip'],
  ],
  {
    method: 'PUT',
    authority: 'App.example.com:8443',
    path: '/p q/ü',
    query: 'x=1&y=%20z',
    deadline: 7 as Instant,
  },
)
const COOKIE_HEADER = ['cookie', 'sid=1; other=2']

for (const [what, config, method, url, headers] of [
  ['nothing set', {}, 'PUT', 'http://store:80/p%20q/%C3%BC', [COOKIE_HEADER]],
  ['its own path', { preserve_path: true }, 'PUT', 'http://store/check/me', [COOKIE_HEADER]],
  [
    'its own path and query',
    { check_session_url: `${SESSION_URL}?keep=1`, preserve_path: true },
    'PUT',
    'http://store/check/me?keep=1',
    [COOKIE_HEADER],
  ],
  [
    'its own query only',
    { check_session_url: `${SESSION_URL}?keep=1` },
    'PUT',
    'http://store:80/p%20q/%C3%BC?keep=1',
    [COOKIE_HEADER],
  ],
  [
    'the query of the request',
    { check_session_url: `${SESSION_URL}?keep=1`, preserve_query: false },
    'PUT',
    'http://store:80/p%20q/%C3%BC?x=1&y=%20z',
    [COOKIE_HEADER],
  ],
  [
    'its path, the query of the request',
    { preserve_path: true, preserve_query: false },
    'PUT',
    'http://store:80/check/me?x=1&y=%20z',
    [COOKIE_HEADER],
  ],
  [
    'user information',
    { check_session_url: 'http://u:p@store/x' },
    'PUT',
    'http://u:p@store/p%20q/%C3%BC',
    [COOKIE_HEADER],
  ],
  [
    'another method',
    { preserve_path: true, force_method: 'GET' },
    'GET',
    'http://store/check/me',
    [COOKIE_HEADER],
  ],
  [
    'an empty method',
    { preserve_path: true, force_method: '' },
    'PUT',
    'http://store/check/me',
    [COOKIE_HEADER],
  ],
  [
    'listed headers, all values',
    { preserve_path: true, forward_http_headers: ['x-UsEr', 'authorization', 'X-None'] },
    'PUT',
    'http://store/check/me',
    [['x-user', 'one'], ['x-user', 'two'], ['authorization', 'Bearer t'], COOKIE_HEADER],
  ],
  [
    'static headers instead of copies',
    {
      preserve_path: true,
      forward_http_headers: ['X-User'],
      additional_headers: { 'X-USER': 'static', Cookie: 'c=1', Host: 'evil' },
    },
    'PUT',
    'http://store/check/me',
    [
      ['x-user', 'static'],
      ['cookie', 'c=1'],
    ],
  ],
  [
    'the host',
    {
      preserve_path: true,
      preserve_host: true,
      forward_http_headers: ['X-Forwarded-Host'],
      additional_headers: { 'X-Forwarded-Host': 'not this' },
    },
    'PUT',
    'http://store/check/me',
    [COOKIE_HEADER, ['x-forwarded-host', 'App.example.com:8443']],
  ],
  [
    'Host as a listed header',
    { preserve_path: true, forward_http_headers: ['Host'] },
    'PUT',
    'http://store/check/me',
    [COOKIE_HEADER],
  ],
] as const) {
  test(`sends to another endpoint with ${what}`, async () => {
    const harness = createHandlerHarness({ answer: answered(200, ALICE) })
    await authenticate({ check_session_url: SESSION_URL, ...config }, FULL_REQUEST, harness)
    const [call] = harness.requests
    assert.ok(call !== undefined)
    const same = (text: string) => new URL(text).href
    assert.deepEqual([call.method, same(call.url), call.headers], [method, same(url), headers])
    assert.deepEqual([call.body, deadlineOf(call), call.retries], [undefined, 7, method === 'GET' ? 1 : 0])
  })
}

const whoami = readWhoamiResponse(
  liveSession([['set-cookie', 'ory_kratos_session=new']]),
  'ory_kratos_session',
  Date.UTC(2026, 10, 22, 5) as WallTime,
)
assert.ok(whoami.kind === 'verified')
const VERIFIED: Verdict = {
  kind: 'verified',
  session: whoami.session,
  cache: 'miss',
  responseHeaders: whoami.responseHeaders,
}
const KRATOS_CONFIG = { check_session_url: WHOAMI }

test('Kratos: subject is the identity, extra data is the session, and the response cookie is relayed', async () => {
  const harness = createHandlerHarness({ verdict: VERIFIED })
  const request = cookies('a=1; ory_kratos_session=MTc=; b=2', { method: 'POST', path: '/health/alive' })
  const outcome = (await authenticate(KRATOS_CONFIG, request, harness)) as Identity
  assert.deepEqual([outcome.subject, outcome.extra], [IDENTITY_ID, sessionDocument()])
  assert.deepEqual(outcome.responseHeaders, [{ name: 'set-cookie', value: 'ory_kratos_session=new' }])
  assert.deepEqual(outcome.annotations, { cache: 'miss' })
  const [asked] = harness.verifyCalls
  assert.deepEqual(asked?.endpoint, { whoamiUrl: WHOAMI, headers: [], maxAge: undefined })
  assert.deepEqual(asked?.credential, { kind: 'cookie', name: 'ory_kratos_session', value: 'MTc=' })
  assert.equal(asked?.request, request)
  assert.equal(harness.requests.length, 0)
})

test('a successful authentication resets the redirect count of the page', async () => {
  const line = 'ory_kratos_session=a; credence_login_rounds=1'
  const outcome = (await authenticate(
    KRATOS_CONFIG,
    cookies(line, { path: '/a' }),
    createHandlerHarness({ verdict: VERIFIED }),
  )) as Identity
  assert.deepEqual(
    outcome.responseHeaders.map(({ value }) => value),
    ['ory_kratos_session=new', 'credence_login_rounds=0; Path=/a; Max-Age=0; HttpOnly; SameSite=Lax; Secure'],
  )
})

test('Kratos: authenticates a cached session synchronously', () => {
  const outcome = buildHandler(
    cookieSession,
    KRATOS_CONFIG,
    createHandlerHarness({ verdict: VERIFIED }),
  )(cookies('ory_kratos_session=a'))
  assert.ok(!(outcome instanceof Promise))
})

for (const [what, config, line, expected] of [
  ['no cookie at all', {}, '', 'not responsible'],
  ['other cookies only: sends them all', {}, 'other=1; b="2 3"', '1; b="2 3"'],
  ['its cookie, empty', {}, 'ory_kratos_session=', [401, 'no_credential']],
  ['a name in another case', { only: ['ory_kratos_session'] }, 'ORY_KRATOS_SESSION=a', 'not responsible'],
  [
    'longer and shorter names',
    { only: ['ory_kratos_session'] },
    'ory_kratos_session_x=a; xory_kratos_session=b',
    'not responsible',
  ],
  [
    'a comma before the name (J11)',
    { only: ['ory_kratos_session'] },
    'a=1,ory_kratos_session=b',
    'not responsible',
  ],
  ['the value twice', {}, 'ory_kratos_session=a; ory_kratos_session=a', 'a'],
  ['an empty one beside it', {}, 'ory_kratos_session=; ory_kratos_session=a', 'a'],
  [
    'two different ones (J11)',
    {},
    'ory_kratos_session=a; ory_kratos_session=b',
    [401, 'ambiguous_credential'],
  ],
  [
    'two different ones in the other order',
    {},
    'ory_kratos_session=b; ory_kratos_session=a',
    [401, 'ambiguous_credential'],
  ],
  ['`=` in the value', {}, 'ory_kratos_session=a=b==', 'a=b=='],
  ['named cookies, none present', { only: ['sid'] }, 'ory_kratos_session=a', 'not responsible'],
  ['named cookies, the second present', { only: ['sid', 'sid2'] }, 'sid2=x', 'x'],
  [
    'named cookies, both present with different values',
    { only: ['sid', 'sid2'] },
    'sid2=x; sid=y',
    [401, 'ambiguous_credential'],
  ],
  ['named cookies, both present with one value', { only: ['sid', 'sid2'] }, 'sid2=x; sid=x', 'x'],
  ['named cookies, the first empty', { only: ['sid', 'sid2'] }, 'sid=; sid2=x', 'x'],
  ['a named cookie, empty', { only: ['sid'] }, 'sid=', [401, 'no_credential']],
  ['a value that is too long', {}, `ory_kratos_session=${'a'.repeat(8_193)}`, [401, 'credential_rejected']],
] as const) {
  test(`Kratos: ${what}`, async () => {
    const harness = createHandlerHarness({ verdict: VERIFIED })
    const outcome = await authenticate({ ...KRATOS_CONFIG, ...config }, cookies(line), harness)
    if (typeof expected === 'string' && expected !== 'not responsible') {
      assert.equal(outcome.kind, 'identity')
      assert.deepEqual(
        harness.verifyCalls.map(({ credential }) => credential.value),
        [expected],
      )
    } else {
      assert.deepEqual(summarize(outcome), expected)
      assert.equal(harness.verifyCalls.length, 0)
    }
  })
}

test('Kratos: different values in several Cookie lines are ambiguous as well', async () => {
  const request = requestWith([
    ['Cookie', 'ory_kratos_session=a'],
    ['Cookie', 'ory_kratos_session=b'],
  ])
  assert.deepEqual(summarize(await authenticate(KRATOS_CONFIG, request, createHandlerHarness())), [
    401,
    'ambiguous_credential',
  ])
})

for (const [what, verdict, expected] of [
  ['rejected', { kind: 'rejected', cache: 'miss' }, [401, 'credential_rejected']],
  ['limited', { kind: 'limited', headers: [{ name: 'retry-after', value: '9' }] }, [429, 'rate_limited']],
  ['unavailable', { kind: 'unavailable', reason: 'no' }, [503, 'unavailable']],
  [
    'in need of a second factor',
    { kind: 'second factor', loginUrl: 'https://auth/x', cache: 'miss' },
    [403, 'second_factor_required'],
  ],
] as const) {
  test(`Kratos: a session that is ${what}`, async () => {
    assert.deepEqual(
      summarize(
        await authenticate(KRATOS_CONFIG, cookies('ory_kratos_session=a'), createHandlerHarness({ verdict })),
      ),
      expected,
    )
  })
}

test('Kratos: the denial has the login URL of a second factor, and a 503 has Retry-After', async () => {
  const ask = async (verdict: Verdict) =>
    (await authenticate(
      KRATOS_CONFIG,
      cookies('ory_kratos_session=a'),
      createHandlerHarness({ verdict }),
    )) as Denial
  const step = await ask({ kind: 'second factor', loginUrl: 'https://auth/x?aal=aal2', cache: 'miss' })
  assert.deepEqual(step.hints, { loginUrl: 'https://auth/x?aal=aal2' })
  assert.equal((await ask({ kind: 'second factor', loginUrl: undefined, cache: 'miss' })).hints, undefined)
  const down = await ask({ kind: 'unavailable', reason: 'no', retryAfterSeconds: 7 })
  assert.deepEqual(down.headers, [{ name: 'retry-after', value: '7' }])
})

for (const [what, config, expected] of [
  [
    'paths of the configuration',
    { subject_from: 'identity.traits.email', extra_from: 'identity' },
    ['hi@example.com', sessionDocument().identity],
  ],
  ['a missing subject', { subject_from: 'identity.traits.name' }, [403, 'bad_answer']],
  [
    'a missing optional subject',
    { subject_from: 'identity.traits.name', require_subject: false },
    ['', sessionDocument()],
  ],
] as const) {
  test(`Kratos: ${what}`, async () => {
    const outcome = await authenticate(
      { ...KRATOS_CONFIG, ...config },
      cookies('ory_kratos_session=a'),
      createHandlerHarness({ verdict: VERIFIED }),
    )
    assert.deepEqual(summarize(outcome), expected)
  })
}

for (const [config, isKratos] of [
  [{ check_session_url: 'https://x.projects.oryapis.com/sessions/whoami' }, true],
  [{ check_session_url: 'http://gw/kratos/sessions/whoami?tokenize_as=x' }, true],
  [{ check_session_url: WHOAMI, kratos: false }, false],
  [{ check_session_url: 'http://gw/who', kratos: true }, true],
  [{ check_session_url: 'http://kratos/sessions/whoami/' }, false],
  [{ check_session_url: 'http://kratos/?x=/sessions/whoami' }, false],
] as const) {
  test(`${JSON.stringify(config)} is ${isKratos ? '' : 'not '}treated as Kratos`, async () => {
    const harness = createHandlerHarness({ verdict: VERIFIED, answer: answered(200, ALICE) })
    await authenticate(config, cookies('ory_kratos_session=a'), harness)
    assert.deepEqual([harness.verifyCalls.length, harness.requests.length], isKratos ? [1, 0] : [0, 1])
    if (isKratos) assert.equal(harness.verifyCalls[0]?.endpoint.whoamiUrl, config.check_session_url)
  })
}

for (const [cache, maxAge] of [
  [undefined, undefined],
  [{}, undefined],
  [{ enabled: true }, undefined],
  [{ enabled: true, ttl: '90s', max_cost: 1000 }, 90_000],
  [{ enabled: false, ttl: '90s' }, 0],
  [{ ttl: '0s' }, 0],
] as const) {
  test(`cache ${JSON.stringify(cache)} has the maximum age ${maxAge ?? 'of the service'}`, async () => {
    const harness = createHandlerHarness({ verdict: VERIFIED })
    await authenticate({ ...KRATOS_CONFIG, cache }, cookies('ory_kratos_session=a'), harness)
    assert.equal(harness.verifyCalls[0]?.endpoint.maxAge, maxAge)
  })
}

for (const [what, config] of [
  ['no URL', {}],
  ['a relative URL', { check_session_url: '/sessions/whoami' }],
  ['another scheme', { check_session_url: 'ftp://x/sessions/whoami' }],
  ['an unknown key', { check_session_url: SESSION_URL, onyl: ['x'] }],
  ['an invalid ttl', { ...KRATOS_CONFIG, cache: { ttl: '1.5s' } }],
  ['a key of bearer_token', { check_session_url: SESSION_URL, prefix: 'x' }],
] as const) {
  test(`rejects ${what} when rules load`, () => {
    assert.throws(() => buildHandler(cookieSession, config, createHandlerHarness()))
  })
}

test('warns about surprising behaviour of Oathkeeper, and not about a good configuration', () => {
  const warned = (config: object) => {
    const harness = createHandlerHarness()
    buildHandler(cookieSession, config, harness)
    return harness.warnings.map(text => text.split(':', 1)[0])
  }
  assert.deepEqual(warned({ ...KRATOS_CONFIG, only: ['ory_kratos_session'], preserve_path: true }), [])
  assert.deepEqual(
    warned({ check_session_url: SESSION_URL, only: ['s'], preserve_path: true, require_subject: true }),
    [],
  )
  assert.deepEqual(warned({ check_session_url: SESSION_URL }), [
    'only',
    'check_session_url',
    'check_session_url',
  ])
  assert.deepEqual(
    warned({
      ...KRATOS_CONFIG,
      only: ['s'],
      forbid_unreachable: true,
      force_method: 'POST',
      forward_http_headers: ['Cookie', 'X-A', 'authorization'],
      additional_headers: { 'X-Session-Token': 'x', 'X-B': 'y' },
    }),
    [
      'forward_http_headers', // Authorization; the cookie is what Kratos receives
      'additional_headers.X-Session-Token',
      'forbid_unreachable',
      'force_method',
    ],
  )
})

test('no denial contains a credential', async () => {
  const secret = 'MARKED-SECRET'
  for (const verdict of [
    { kind: 'rejected', cache: 'miss' },
    { kind: 'unavailable', reason: 'no' },
  ] as const) {
    const outcome = await authenticate(
      KRATOS_CONFIG,
      cookies(`ory_kratos_session=${secret}`),
      createHandlerHarness({ verdict }),
    )
    assert.ok(!JSON.stringify(outcome).includes(secret))
  }
  const bad = await authenticate(
    { ...KRATOS_CONFIG, subject_from: 'identity' },
    cookies(`ory_kratos_session=${secret}`),
    createHandlerHarness({ verdict: VERIFIED }),
  )
  assert.ok(!/MARKED|hi@example/.test(JSON.stringify(bad)))
})
