import assert from 'node:assert/strict'
import test from 'node:test'
import { type Session, withHeader } from '../../../src/access/session.ts'
import {
  deadlineOf,
  type HttpFailure,
  type HttpResponse,
  type OutgoingRequest,
} from '../../../src/clients/http/message.ts'
import { parseTemplate } from '../../../src/gotemplate/template.ts'
import { templateData } from '../../../src/handlers/compile/template_data.ts'
import { hydrator } from '../../../src/handlers/mutators/hydrator.ts'
import type { Services } from '../../../src/handlers/services.ts'
import { createKeyHash } from '../../../src/lib/key_hash.ts'
import { createNamedCaches } from '../../../src/lib/named_caches.ts'
import type { Instant } from '../../../src/lib/time.ts'
import { fakeClock } from '../../support/clock.ts'
import { buildHandler as buildIn, createHandlerHarness } from '../../support/handler_harness.ts'
import { requestWith } from '../../support/request.ts'
import { assertDenial, compileHandler, sessionOf } from '../build.ts'

const answered = (status: number, body: unknown = ''): HttpResponse => ({
  kind: 'answered',
  status,
  headers: [],
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const failed = (cause: HttpFailure['cause']): HttpFailure => ({
  kind: 'failed',
  cause,
  message: 'hydrator: no',
})
const SAME_SUBJECT = answered(200, { subject: 'u1' })

/** Returns the responses in turn, then repeats the last one. No delay between attempts. */
function createHarness(...answers: (HttpResponse | HttpFailure)[]) {
  const sent: OutgoingRequest[] = []
  const clock = fakeClock()
  const keys: string[] = []
  const keyOf = createKeyHash(new Uint8Array(32))
  const services: Partial<Services> = {
    clock,
    getCache: createNamedCaches({ clock, maxEntries: 10, maxBytes: 1e6 }),
    cacheKey(tuple) {
      const key = keyOf(tuple)
      keys.push(key)
      return key
    },
    async send(request) {
      sent.push(request)
      return answers[Math.min(sent.length, answers.length) - 1] as HttpResponse
    },
  }
  const run = (
    config: { api?: object; cache?: object; headers?: readonly string[] } = {},
    session = sessionOf('u1'),
  ) => {
    const api = { url: 'http://api/hyd?own=1', retry: { max_delay: '0s' }, ...config.api }
    return compileHandler(hydrator, { ...config, api }, services)(session)
  }
  return { run, sent, clock, keys }
}
const renderTemplate = (text: string, session: Session) =>
  parseTemplate(text, { clock: fakeClock() }).render(templateData(session))

const REQUEST = requestWith(
  [
    ['X-Foo', '1'],
    ['x-foo', '2'],
    ['Content-Type', 'text/x'],
    ['Accept-Encoding', 'gzip'],
    ['Authorization', 'Bearer t'],
  ],
  { query: 'x=1&a=%20b&;=', path: '/<p>', authority: 'h' },
)

test('sends the sorted query and the headers of the request, and the session as Go encodes it', async () => {
  const { run, sent } = createHarness(answered(200, { subject: 'u1' }))
  await run({}, sessionOf('u1', undefined, REQUEST))
  const { body, deadline: _deadline, ...call } = sent[0] as OutgoingRequest
  assert.equal(deadlineOf(sent[0] as OutgoingRequest), Number.POSITIVE_INFINITY)
  assert.deepEqual(call, {
    method: 'POST',
    url: 'http://api/hyd?a=+b&x=1',
    headers: [
      ['x-foo', '1'],
      ['x-foo', '2'],
      ['authorization', 'Bearer t'],
      ['content-type', 'application/json'],
    ],
    timeout: 1000,
    target: 'hydrator',
    caller: { address: '' },
  })
  assert.equal(
    body,
    '{"subject":"u1","extra":null,"header":null,"match_context":{"regexp_capture_groups":[],' +
      '"url":{"Scheme":"https","Opaque":"","User":null,"Host":"h","Path":"/\\u003cp\\u003e","Fragment":"",' +
      '"RawQuery":"x=1\\u0026a=%20b\\u0026;=","RawPath":"","RawFragment":"","ForceQuery":false,"OmitHost":false},' +
      '"method":"GET","header":{"Accept-Encoding":["gzip"],"Authorization":["Bearer t"],' +
      '"Content-Type":["text/x"],"X-Foo":["1","2"]}}}\n',
  )
})

test('sends no query without one, and replaces the authorization by Basic authentication', async () => {
  const { run, sent } = createHarness(SAME_SUBJECT)
  const session = sessionOf('u1', undefined, requestWith([['authorization', 'Bearer t']]))
  await run({ api: { auth: { basic: { username: 'u', password: 'p' } } } }, session)
  assert.equal(sent[0]?.url, 'http://api/hyd')
  assert.deepEqual(sent[0]?.headers[0], ['authorization', 'Basic dTpw'])
})

test('the response replaces the session: omitted members are empty, headers have their first value', async () => {
  const header = { 'x-HDR': ['v1', 'v2'], 'X-Empty': [], 'X-Null': null }
  const { run } = createHarness(answered(200, { subject: 'u1', extra: { a: 1 }, header }))
  const before = withHeader(sessionOf('u1', { gone: true }, REQUEST), 'x-gone', '1')
  const session = (await run({ headers: ['X-Hdr', 'x-empty', 'X-Null'] }, before)) as Session
  assert.deepEqual(session.headers, [
    { name: 'x-hdr', value: 'v1' },
    { name: 'x-empty', value: '' },
    { name: 'x-null', value: '' },
  ])
  assert.equal(session.request, REQUEST)
  assert.equal(renderTemplate('{{ toJson .Extra }}', session), '{"a":1}')
  const nothing = '{"regexp_capture_groups":null,"url":null,"method":"","header":null}'
  assert.equal(renderTemplate('{{ toJson .MatchContext }}', session), nothing)
  assert.throws(() => renderTemplate('{{ .MatchContext.URL.Path }}', session), /nil/)
  assert.equal(renderTemplate('[{{ .MatchContext.Header.Get "x" }}]', session), '[]')
})

test('templates read the match context of the response', async () => {
  const match_context = {
    regexp_capture_groups: ['a'],
    url: { Scheme: 'http', host: 'h2', Path: '/q', RawQuery: 'y=1', Port: 1 },
    method: 'PUT',
    header: { 'X-A': ['1'] },
  }
  const session = (await createHarness(answered(200, { Subject: 'u1', match_context })).run()) as Session
  const m = '.MatchContext'
  const text = `{{ ${m}.URL }} {{ ${m}.Method }} {{ index ${m}.RegexpCaptureGroups 0 }} {{ ${m}.Header.Get "x-a" }}`
  assert.equal(renderTemplate(text, session), 'http://h2/q?y=1 PUT a 1')
})

for (const [why, answer] of [
  ['another subject', answered(200, { subject: 'u2' })],
  ['no subject', answered(200, {})],
  ['a subject that is not a string', answered(200, { subject: ['u1'] })],
  ['extra data that is a list', answered(200, { subject: 'u1', extra: [1] })],
  ['a header that is a string', answered(200, { subject: 'u1', header: { a: 'b' } })],
  ['a header of numbers', answered(200, { subject: 'u1', header: { a: [1] } })],
  ['a URL that is a string', answered(200, { subject: 'u1', match_context: { url: 'http://h' } })],
  ['null', answered(200, 'null')],
  ['no JSON', answered(200, 'zz')],
  ['201', answered(201, { subject: 'u1' })],
  ['401', answered(401)],
  ['404', answered(404)],
  ['501', answered(501)],
  ['a response that is too large', failed('too_large')],
  ['a passed deadline', failed('deadline')],
] as const) {
  test(`${why} is a 500 after one call (Q-86)`, async () => {
    const { run, sent } = createHarness(answer)
    const denial = await run()
    assertDenial(denial)
    assert.deepEqual([denial.status, sent.length], [500, 1])
    assert.ok(!JSON.stringify(denial).includes('u2'))
  })
}

for (const answer of [answered(500), answered(429), failed('connect'), failed('reset'), failed('timeout')]) {
  test(`${JSON.stringify(answer)} causes five attempts, then a 500`, async () => {
    const { run, sent } = createHarness(answer)
    const denial = await run()
    assertDenial(denial)
    assert.deepEqual([denial.status, sent.length], [500, 5])
  })
}

test('uses the third response, and starts no attempt after the deadline', async () => {
  const lucky = createHarness(answered(500), answered(502), SAME_SUBJECT)
  assert.equal(((await lucky.run()) as Session).subject, 'u1')
  const late = createHarness(answered(500))
  const request = { ...requestWith(), deadline: late.clock.now() as Instant }
  assertDenial(await late.run({}, sessionOf('u1', undefined, request)))
  assert.equal(late.sent.length, 1)
})

test('equal sessions share a response within the ttl, and another header is another cache entry', async () => {
  const { run, sent, clock, keys } = createHarness(SAME_SUBJECT)
  const config = { cache: { enabled: true, ttl: '10s' } }
  const of = (id: string) => sessionOf('u1', undefined, requestWith([['X-Id', id]]))
  const both = await Promise.all([run(config, of('SECRET')), run(config, of('SECRET'))])
  assert.deepEqual([sent.length, both.map(one => one.kind)], [1, ['session', 'session']])
  await run(config, of('b'))
  assert.equal(sent.length, 2)
  clock.advance(10_001)
  await run(config, of('SECRET'))
  assert.equal(sent.length, 3)
  assert.ok(!keys.join().includes('SECRET'))
})

test('ignored headers are not part of the cache key, URLs and credentials are (Q-85)', async () => {
  const { run, sent } = createHarness(SAME_SUBJECT)
  const cache = { enabled: true, ignored_headers: ['X-Id'] }
  const of = (id: string) => sessionOf('u1', undefined, requestWith([['x-id', id]]))
  await run({ cache }, of('a'))
  await run({ cache }, of('b'))
  assert.equal(sent.length, 1)
  await run({ cache, api: { url: 'http://other/' } }, of('a'))
  await run({ cache, api: { auth: { basic: { username: 'u', password: 'p' } } } }, of('a'))
  assert.equal(sent.length, 3)
})

test('different requests are separate cache entries, even if an earlier hydrator made their sessions equal', async () => {
  const { run, sent } = createHarness(SAME_SUBJECT)
  const config = { cache: { enabled: true } }
  const emptied = async (id: string, query = '') => {
    const request = requestWith([['Authorization', id]], { query })
    const outcome = await run({}, sessionOf('u1', undefined, request))
    assert.ok(outcome.kind === 'session' && outcome.match.headers === undefined)
    return outcome
  }
  const [a, b, c] = [await emptied('a'), await emptied('b'), await emptied('b', 'x=1')]
  sent.length = 0
  for (const session of [a, b, c, b]) await run(config, session)
  assert.equal(sent.length, 3)
})

test('give_up_after is the timeout of each attempt, and 0s means 10s', async () => {
  const { run, sent } = createHarness(SAME_SUBJECT)
  for (const give_up_after of ['7ms', '0s']) await run({ api: { retry: { give_up_after, max_delay: '0s' } } })
  await run()
  assert.deepEqual(
    sent.map(call => call.timeout),
    [7, 10_000, 1_000],
  )
})

test('does not cache without cache.enabled, nor a denial; a ttl of 0s means 1m', async () => {
  const plain = createHarness(SAME_SUBJECT)
  await plain.run({ cache: { ttl: '10s' } })
  await plain.run({ cache: { ttl: '10s' } })
  assert.equal(plain.sent.length, 2)
  const failing = createHarness(answered(404), SAME_SUBJECT)
  assertDenial(await failing.run({ cache: { enabled: true } }))
  assert.equal((await failing.run({ cache: { enabled: true } })).kind, 'session')
  const zero = createHarness(SAME_SUBJECT)
  await zero.run({ cache: { enabled: true, ttl: '0s' } })
  zero.clock.advance(59_000)
  await zero.run({ cache: { enabled: true, ttl: '0s' } })
  assert.equal(zero.sent.length, 1)
})

for (const config of [{ api: { url: 'x' } }, { api: { foo: 1 } }, { cache: { ttl: 'x' } }]) {
  test(`rejects ${JSON.stringify(config)}`, () => {
    assert.throws(() => createHarness(SAME_SUBJECT).run(config), { name: 'ZodError' })
  })
}

test('warns about a cache that almost never has a hit (Q-85)', () => {
  const warned = (cache?: object) => {
    const warnings = createHandlerHarness()
    const services = { ...warnings.services, getCache: () => ({}), cacheKey: () => '' }
    buildIn(
      hydrator,
      { api: { url: 'http://a/' }, headers: [], ...(cache && { cache }) },
      {
        ...warnings,
        services: services as unknown as Services,
      },
    )
    return warnings.warnings.map(line => line.split(':')[0])
  }
  assert.deepEqual(warned(), [])
  assert.deepEqual(warned({ enabled: false }), [])
  assert.deepEqual(warned({ enabled: true }), ['cache'])
  assert.deepEqual(warned({ enabled: true, ignored_headers: ['X-REQUEST-ID'] }), [])
})

test('does not send headers that describe the body or host of the request', async () => {
  const { run, sent } = createHarness(SAME_SUBJECT)
  const lines = [
    ['Content-Encoding', 'br'],
    ['Host', 'h'],
    ['X-Own', '1'],
  ] as const
  await run({}, sessionOf('u1', undefined, requestWith(lines)))
  assert.deepEqual(
    sent[0]?.headers.map(([name]) => name),
    ['x-own', 'content-type'],
  )
})

test('waits 100ms between attempts by default, and not beyond the deadline', async () => {
  const soon = requestWith([], { deadline: (fakeClock().now() + 60) as Instant })
  const tries = async (retry: object) => {
    const { run, sent } = createHarness(answered(500))
    const outcome = await run({ api: { retry } }, sessionOf('u1', undefined, soon))
    assertDenial(outcome)
    assert.deepEqual([outcome.status, outcome.code], [500, 'bad_answer'])
    return sent.length
  }
  assert.equal(await tries({}), 1)
  assert.equal(await tries({ max_delay: '1ms' }), 5)
})

test('a failed connection is a 500 with its reason', async () => {
  const outcome = await createHarness(failed('connect')).run()
  assertDenial(outcome)
  assert.deepEqual([outcome.status, outcome.code], [500, 'unavailable'])
})

test('ignores headers regardless of the case that an earlier hydrator wrote', async () => {
  const { run, sent } = createHarness(SAME_SUBJECT)
  const cache = { enabled: true, ignored_headers: ['x-id'] }
  const of = (id: string): Session => {
    const session = sessionOf('u1')
    return { ...session, match: { ...session.match, headers: new Map([['X-Id', [id]]]) } }
  }
  await run({ cache }, of('a'))
  await run({ cache }, of('b'))
  assert.equal(sent.length, 1)
})

test('declares the headers of its configuration (D11)', () => {
  const { setsHeaders: writes } = hydrator
  assert.deepEqual(writes?.({ api: { url: 'http://api/' }, headers: ['X-Role', 'x-plan'] }), [
    'x-role',
    'x-plan',
  ])
  assert.deepEqual(writes?.({ api: { url: 'http://api/' } }), [])
})
