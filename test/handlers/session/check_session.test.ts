import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity } from '../../../src/access/session.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../../src/clients/http/message.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import type { Services } from '../../../src/handlers/services.ts'
import { createKeyHash } from '../../../src/lib/key_hash.ts'
import { createNamedCaches } from '../../../src/lib/named_caches.ts'
import type { Instant } from '../../../src/lib/time.ts'
import { fakeClock } from '../../support/clock.ts'
import { buildHandler, createHandlerHarness, type HandlerHarness } from '../../support/handler_harness.ts'
import { answered } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

const CONFIG = { check_session_url: 'http://store/me', preserve_path: true, only: ['sid'] }
const CACHE_ON = { cache: { enabled: true, ttl: '10s' } }
const SESSION_BODY = { subject: 'alice', sub: 'alice', extra: { a: 1 } }
const ALICE = answered(200, SESSION_BODY)

/** A harness with caches, whose responses the test controls. */
function createHarness(...answers: (HttpResponse | HttpFailure | Promise<HttpResponse | HttpFailure>)[]) {
  const clock = fakeClock()
  const sent: OutgoingRequest[] = []
  const base = createHandlerHarness()
  const harness: HandlerHarness = {
    ...base,
    services: {
      ...base.services,
      clock,
      getCache: createNamedCaches({ clock, maxEntries: 3, maxBytes: 1e6 }),
      cacheKey: createKeyHash(Buffer.from('secret of a test')),
      async send(request: OutgoingRequest) {
        sent.push(request)
        return answers[Math.min(sent.length, answers.length) - 1] as HttpResponse
      },
    } as unknown as Services,
  }
  const rule = (over: object = CACHE_ON) => buildHandler(cookieSession, { ...CONFIG, ...over }, harness)
  return { clock, sent, rule, harness }
}

const requestWithCookie = (value = '1', parts = {}) => requestWith([['cookie', `sid=${value}`]], parts)
const summarize = (outcome: unknown) => {
  const {
    kind,
    subject,
    status,
    annotations: notes,
  } = outcome as Partial<Omit<Identity, 'kind'> & Omit<Denial, 'kind'>> & {
    kind: string
  }
  return kind === 'identity' ? [subject, notes?.cache] : [status]
}

test('does not cache unless the rule enables it', async () => {
  for (const cache of [
    undefined,
    {},
    { ttl: '10s' },
    { enabled: false, ttl: '10s' },
    { enabled: true, ttl: '0s' },
  ]) {
    const { sent, rule } = createHarness(ALICE)
    const check = rule({ cache })
    for (const _ of [1, 2])
      assert.deepEqual(summarize(await check(requestWithCookie())), ['alice', undefined])
    assert.equal(sent.length, 2, JSON.stringify(cache))
  }
})

test('caches a response for the ttl of the rule, by default a second, and returns it synchronously', async () => {
  for (const [cache, lifetime] of [
    [{ enabled: true, ttl: '10s' }, 10_000],
    [{ enabled: true, ttl: '10s', max_cost: 1000 }, 10_000],
    [{ enabled: true }, 1_000],
  ] as const) {
    const { clock, sent, rule } = createHarness(ALICE)
    const check = rule({ cache })
    assert.deepEqual(summarize(await check(requestWithCookie())), ['alice', 'miss'])
    clock.advance(lifetime - 1)
    const hit = check(requestWithCookie())
    assert.ok(!(hit instanceof Promise))
    assert.deepEqual([summarize(hit), (hit as Identity).extra], [['alice', 'hit'], { a: 1 }])
    clock.advance(1)
    assert.deepEqual(summarize(await check(requestWithCookie())), ['alice', 'miss'])
    assert.equal(sent.length, 2)
  }
})

test('the age of a response includes the time of the call', async () => {
  const { promise, resolve } = Promise.withResolvers<HttpResponse>()
  const { clock, sent, rule } = createHarness(promise, ALICE)
  const check = rule()
  const first = check(requestWithCookie())
  clock.advance(9_000)
  resolve(ALICE)
  await first
  clock.advance(1_000)
  await check(requestWithCookie())
  assert.equal(sent.length, 2)
})

for (const [what, answer] of [
  ['401', answered(401, SESSION_BODY)],
  ['403', answered(403, SESSION_BODY)],
  ['204', answered(204, SESSION_BODY)],
  ['302', answered(302, SESSION_BODY, [['location', '/login']])],
  ['429', answered(429, SESSION_BODY)],
  ['500', answered(500, SESSION_BODY)],
  ['a connection that failed', { kind: 'failed', cause: 'connect', message: 'no' }],
  ['200 without JSON', answered(200, '<html>')],
] as const satisfies readonly (readonly [string, HttpResponse | HttpFailure])[]) {
  test(`does not cache ${what}`, async () => {
    const { sent, rule } = createHarness(answer)
    const check = rule()
    await check(requestWithCookie())
    await check(requestWithCookie())
    assert.equal(sent.length, 2)
  })
}

test('reports an empty subject, cached or not (Q-44)', async () => {
  const noName = [
    answered(200, '<html>'),
    answered(200, ''),
    answered(200, {}),
    answered(200, { subject: '' }),
  ]
  for (const more of [{}, CACHE_ON]) {
    for (const answer of noName) {
      const { rule, harness } = createHarness(answer)
      const check = rule({ ...more, check_session_url: 'http://user:secret@store/me?key=secret' })
      assert.equal(((await check(requestWithCookie())) as Identity).kind, 'identity')
      await check(requestWithCookie())
      assert.deepEqual(harness.emptySubjects, ['http://store/me', 'http://store/me'])
    }
  }
})

test('does not report a subject, a rejection, or a required subject that is missing', async () => {
  for (const answer of [ALICE, answered(401, SESSION_BODY), answered(200, { subject: 7 })]) {
    const { rule, harness } = createHarness(answer)
    await rule({})(requestWithCookie())
    assert.deepEqual(harness.emptySubjects, [])
  }
  const { rule, harness } = createHarness(answered(200, '<html>'))
  assert.equal(((await rule({ require_subject: true })(requestWithCookie())) as Denial).status, 403)
  assert.deepEqual(harness.emptySubjects, [])
})

test('a rejection evicts the entry of a rule with a longer ttl; a failed call does not', async () => {
  for (const [answer, known] of [
    [answered(401), false],
    [answered(500), false],
    [answered(429), true],
    [{ kind: 'failed', cause: 'reset', message: 'no' } as const, true],
  ] as const) {
    const { clock, sent, rule } = createHarness(ALICE, answer)
    const [long, short] = [rule(), rule({ cache: { enabled: true, ttl: '1s' } })]
    await long(requestWithCookie())
    clock.advance(1_000)
    assert.equal(((await short(requestWithCookie())) as Denial).kind, 'denial')
    await long(requestWithCookie())
    assert.equal(sent.length, known ? 2 : 3)
  }
})

test('rules that send equal requests share a response, each with its own ttl and paths', async () => {
  const { clock, sent, rule } = createHarness(ALICE)
  const [long, short] = [rule(), rule({ cache: { enabled: true, ttl: '2s' }, subject_from: 'extra.b' })]
  await long(requestWithCookie())
  assert.deepEqual(summarize(await short(requestWithCookie())), ['', 'hit'])
  clock.advance(2_000)
  assert.deepEqual(summarize(await long(requestWithCookie())), ['alice', 'hit'])
  assert.deepEqual(summarize(await short(requestWithCookie())), ['', 'miss'])
  assert.equal(sent.length, 2)
})

test('concurrent requests share one call, which the latest of their deadlines ends', async () => {
  const { promise, resolve } = Promise.withResolvers<HttpResponse>()
  const { clock, sent, rule } = createHarness(promise)
  const check = rule()
  const hasty = check(requestWithCookie('1', { deadline: (clock.now() + 1) as Instant }))
  const waiting = [check(requestWithCookie()), check(requestWithCookie())]
  assert.deepEqual(summarize(await hasty), [503])
  resolve(ALICE)
  assert.deepEqual((await Promise.all(waiting)).map(summarize), [
    ['alice', 'joined'],
    ['alice', 'joined'],
  ])
  const { deadline } = sent[0] as OutgoingRequest
  assert.equal(sent.length, 1)
  assert.equal(typeof deadline === 'function' && deadline(), Number.POSITIVE_INFINITY)
  assert.deepEqual(summarize(await check(requestWithCookie())), ['alice', 'hit'])
})

test('bounds the cache', async () => {
  const { sent, rule } = createHarness(ALICE)
  const check = rule()
  for (const value of ['1', '2', '3', '4', '1']) await check(requestWithCookie(value))
  assert.equal(sent.length, 5)
})

const word = fc.constantFrom('', 'a', 'b', 'ab', 'a; sid=b')
const requestArbitrary = fc.record({
  url: fc.constantFrom('http://store/a', 'http://store/b', 'http://other/a'),
  method: fc.constantFrom('GET', 'POST'),
  forced: fc.constantFrom('', 'HEAD'),
  path: fc.constantFrom('/a', '/b'),
  query: fc.constantFrom('', 'a=1'),
  keepPath: fc.boolean(),
  keepQuery: fc.boolean(),
  authority: fc.constantFrom('app', 'other'),
  host: fc.boolean(),
  sid: word,
  listed: fc.constantFrom([], ['x-a'], ['x-b'], ['x-a', 'x-b']),
  xa: word,
  xb: word,
  added: fc.constantFrom({}, { 'x-c': 'a' }, { 'x-c': 'b' }, { 'x-d': 'a' }),
})
type RequestFields = typeof requestArbitrary extends fc.Arbitrary<infer T> ? T : never
const FIELDS: readonly (keyof RequestFields)[] = [
  'url',
  'method',
  'forced',
  'path',
  'query',
  'keepPath',
  'keepQuery',
  'authority',
  'host',
  'sid',
  'listed',
  'xa',
  'xb',
  'added',
]

test('a request gets a cached response exactly if it would send the same call (C4, C6)', async () => {
  await fc.assert(
    fc.asyncProperty(
      requestArbitrary,
      requestArbitrary,
      fc.constantFrom(...FIELDS),
      async (a, other, field) => {
        // Random requests rarely differ in exactly one field.
        const b = { ...a, [field]: other[field] }
        const remembering = createHarness(ALICE)
        await check(a, remembering, CACHE_ON)
        await check(b, remembering, CACHE_ON)
        const plain = createHarness(ALICE)
        await check(a, plain, {})
        await check(b, plain, {})
        const [one, two] = plain.sent.map(({ method, url, headers }) =>
          JSON.stringify([method, url, headers]),
        )
        assert.equal(remembering.sent.length, one === two ? 1 : 2)
      },
    ),
    { numRuns: 300 },
  )
})

async function check(q: RequestFields, { harness }: ReturnType<typeof createHarness>, over: object) {
  const config = {
    check_session_url: q.url,
    only: ['sid'],
    preserve_path: q.keepPath,
    preserve_query: q.keepQuery,
    preserve_host: q.host,
    force_method: q.forced,
    forward_http_headers: q.listed,
    additional_headers: q.added,
    ...over,
  }
  const headers = [
    ['cookie', `sid=${q.sid}`],
    ['x-a', q.xa],
    ['x-b', q.xb],
  ] as const
  const { method, path, query, authority } = q
  await buildHandler(cookieSession, config, harness)(requestWith(headers, { method, path, query, authority }))
}

test('cookies and tokens never share a cached response of the same endpoint', async () => {
  const { sent, harness } = createHarness(ALICE)
  const shared = { check_session_url: 'http://store/me', preserve_path: true, ...CACHE_ON }
  await buildHandler(cookieSession, shared, harness)(requestWith([['cookie', 'x']]))
  await buildHandler(bearerToken, shared, harness)(requestWith([['authorization', 'Bearer x']]))
  assert.equal(sent.length, 2)
})

test('warns about a ttl without enabled', () => {
  const { rule, harness } = createHarness(ALICE)
  rule({ cache: { ttl: '1s' } })
  assert.ok(harness.warnings.some(text => text.startsWith('cache: has no effect')))
  harness.warnings.length = 0
  rule({ cache: { enabled: true, ttl: '1s' } })
  rule({ cache: { enabled: false, ttl: '1s' } })
  assert.ok(!harness.warnings.some(text => text.startsWith('cache')))
})
