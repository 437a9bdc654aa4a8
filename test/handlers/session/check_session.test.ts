import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity } from '../../../src/access/session.ts'
import type { Answered, Failed, OutgoingRequest } from '../../../src/clients/http/message.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import type { Services } from '../../../src/handlers/services.ts'
import { createTupleHash } from '../../../src/lib/key_hash.ts'
import { createCaches } from '../../../src/lib/named_caches.ts'
import type { Instant } from '../../../src/lib/time.ts'
import { fakeClock } from '../../support/clock.ts'
import { answered } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'
import { build, type World, worldWith } from '../../support/services.ts'

const CONFIG = { check_session_url: 'http://store/me', preserve_path: true, only: ['sid'] }
const ON = { cache: { enabled: true, ttl: '10s' } }
const SOMEBODY = { subject: 'alice', sub: 'alice', extra: { a: 1 } }
const ALICE = answered(200, SOMEBODY)

/** A world in which answers are remembered, and come when the test says so. */
function setup(...answers: (Answered | Failed | Promise<Answered | Failed>)[]) {
  const clock = fakeClock()
  const sent: OutgoingRequest[] = []
  const base = worldWith()
  const world: World = {
    ...base,
    services: {
      ...base.services,
      clock,
      cache: createCaches({ clock, entries: 3 }),
      keyOf: createTupleHash(Buffer.from('secret of a test')),
      async send(request: OutgoingRequest) {
        sent.push(request)
        return answers[Math.min(sent.length, answers.length) - 1] as Answered
      },
    } as unknown as Services,
  }
  const rule = (over: object = ON) => build(cookieSession, { ...CONFIG, ...over }, world)
  return { clock, sent, rule, world }
}

const sid = (value = '1', parts = {}) => requestWith([['cookie', `sid=${value}`]], parts)
const brief = (outcome: unknown) => {
  const { kind, subject, status, notes } = outcome as Partial<
    Omit<Identity, 'kind'> & Omit<Denial, 'kind'>
  > & {
    kind: string
  }
  return kind === 'identity' ? [subject, notes?.cache] : [status]
}

test('nothing is remembered unless a rule says so', async () => {
  for (const cache of [
    undefined,
    {},
    { ttl: '10s' },
    { enabled: false, ttl: '10s' },
    { enabled: true, ttl: '0s' },
  ]) {
    const { sent, rule } = setup(ALICE)
    const check = rule({ cache })
    for (const _ of [1, 2]) assert.deepEqual(brief(await check(sid())), ['alice', undefined])
    assert.equal(sent.length, 2, JSON.stringify(cache))
  }
})

test('an answer is believed for as long as the rule says, a second unless it says more, and comes without waiting', async () => {
  for (const [cache, lifetime] of [
    [{ enabled: true, ttl: '10s' }, 10_000],
    [{ enabled: true, ttl: '10s', max_cost: 1000 }, 10_000],
    [{ enabled: true }, 1_000],
  ] as const) {
    const { clock, sent, rule } = setup(ALICE)
    const check = rule({ cache })
    assert.deepEqual(brief(await check(sid())), ['alice', 'miss'])
    clock.pass(lifetime - 1)
    const hit = check(sid())
    assert.ok(!(hit instanceof Promise))
    assert.deepEqual([brief(hit), (hit as Identity).extra], [['alice', 'hit'], { a: 1 }])
    clock.pass(1)
    assert.deepEqual(brief(await check(sid())), ['alice', 'miss'])
    assert.equal(sent.length, 2)
  }
})

test('the time that an answer was under way counts as its age', async () => {
  const { promise, resolve } = Promise.withResolvers<Answered>()
  const { clock, sent, rule } = setup(promise, ALICE)
  const check = rule()
  const first = check(sid())
  clock.pass(9_000)
  resolve(ALICE)
  await first
  clock.pass(1_000)
  await check(sid())
  assert.equal(sent.length, 2)
})

for (const [what, answer] of [
  ['401', answered(401, SOMEBODY)],
  ['403', answered(403, SOMEBODY)],
  ['204', answered(204, SOMEBODY)],
  ['302', answered(302, SOMEBODY, [['location', '/login']])],
  ['429', answered(429, SOMEBODY)],
  ['500', answered(500, SOMEBODY)],
  ['a connection that failed', { kind: 'failed', cause: 'connect', message: 'no' }],
  ['200 without JSON', answered(200, '<html>')],
] as const satisfies readonly (readonly [string, Answered | Failed])[]) {
  test(`${what} is never remembered`, async () => {
    const { sent, rule } = setup(answer)
    const check = rule()
    await check(sid())
    await check(sid())
    assert.equal(sent.length, 2)
  })
}

test('whoever is let in without a name does not go unnoticed, remembered or not (Q-44)', async () => {
  const noName = [
    answered(200, '<html>'),
    answered(200, ''),
    answered(200, {}),
    answered(200, { subject: '' }),
  ]
  for (const more of [{}, ON]) {
    for (const answer of noName) {
      const { rule, world } = setup(answer)
      const check = rule({ ...more, check_session_url: 'http://user:secret@store/me?key=secret' })
      assert.equal(((await check(sid())) as Identity).kind, 'identity')
      await check(sid())
      assert.deepEqual(world.subjectless, ['http://store/me', 'http://store/me'])
    }
  }
})

test('nothing is noticed of whom an endpoint names, refuses, or must name', async () => {
  for (const answer of [ALICE, answered(401, SOMEBODY), answered(200, { subject: 7 })]) {
    const { rule, world } = setup(answer)
    await rule({})(sid())
    assert.deepEqual(world.subjectless, [])
  }
  const { rule, world } = setup(answered(200, '<html>'))
  assert.equal(((await rule({ require_subject: true })(sid())) as Denial).status, 403)
  assert.deepEqual(world.subjectless, [])
})

test('a "no" ends what a rule with a longer memory knew; not having found out does not', async () => {
  for (const [answer, known] of [
    [answered(401), false],
    [answered(500), false],
    [answered(429), true],
    [{ kind: 'failed', cause: 'reset', message: 'no' } as const, true],
  ] as const) {
    const { clock, sent, rule } = setup(ALICE, answer)
    const [long, short] = [rule(), rule({ cache: { enabled: true, ttl: '1s' } })]
    await long(sid())
    clock.pass(1_000)
    assert.equal(((await short(sid())) as Denial).kind, 'denial')
    await long(sid())
    assert.equal(sent.length, known ? 2 : 3)
  }
})

test('rules that send the same share the answer, each for its own time and with its own paths', async () => {
  const { clock, sent, rule } = setup(ALICE)
  const [long, short] = [rule(), rule({ cache: { enabled: true, ttl: '2s' }, subject_from: 'extra.b' })]
  await long(sid())
  assert.deepEqual(brief(await short(sid())), ['', 'hit'])
  clock.pass(2_000)
  assert.deepEqual(brief(await long(sid())), ['alice', 'hit'])
  assert.deepEqual(brief(await short(sid())), ['', 'miss'])
  assert.equal(sent.length, 2)
})

test('many who ask at once are one call, which nobody’s deadline ends', async () => {
  const { promise, resolve } = Promise.withResolvers<Answered>()
  const { clock, sent, rule } = setup(promise)
  const check = rule()
  const hasty = check(sid('1', { deadline: (clock.now() + 1) as Instant }))
  const waiting = [check(sid()), check(sid())]
  assert.deepEqual(brief(await hasty), [503])
  resolve(ALICE)
  assert.deepEqual((await Promise.all(waiting)).map(brief), [
    ['alice', 'shared'],
    ['alice', 'shared'],
  ])
  assert.deepEqual([sent.length, sent[0]?.deadline], [1, undefined])
  assert.deepEqual(brief(await check(sid())), ['alice', 'hit'])
})

test('memory is bounded', async () => {
  const { sent, rule } = setup(ALICE)
  const check = rule()
  for (const value of ['1', '2', '3', '4', '1']) await check(sid(value))
  assert.equal(sent.length, 5)
})

const word = fc.constantFrom('', 'a', 'b', 'ab', 'a; sid=b')
const asked = fc.record({
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
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never
const FIELDS: readonly (keyof Asked)[] = [
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

test('one who asks gets what was remembered exactly where the same would be sent (C4, C6)', async () => {
  await fc.assert(
    fc.asyncProperty(asked, asked, fc.constantFrom(...FIELDS), async (a, other, field) => {
      // Two that differ at random never differ in one thing alone.
      const b = { ...a, [field]: other[field] }
      const remembering = setup(ALICE)
      await ask(a, remembering, ON)
      await ask(b, remembering, ON)
      const plain = setup(ALICE)
      await ask(a, plain, {})
      await ask(b, plain, {})
      const [one, two] = plain.sent.map(({ method, url, headers }) => JSON.stringify([method, url, headers]))
      assert.equal(remembering.sent.length, one === two ? 1 : 2)
    }),
    { numRuns: 300 },
  )
})

async function ask(q: Asked, { world }: ReturnType<typeof setup>, over: object) {
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
  await build(cookieSession, config, world)(requestWith(headers, { method, path, query, authority }))
}

test('the holder of a cookie never gets what the holder of a token was told, though they ask the same endpoint', async () => {
  const { sent, world } = setup(ALICE)
  const shared = { check_session_url: 'http://store/me', preserve_path: true, ...ON }
  await build(cookieSession, shared, world)(requestWith([['cookie', 'x']]))
  await build(bearerToken, shared, world)(requestWith([['authorization', 'Bearer x']]))
  assert.equal(sent.length, 2)
})

test('a lifetime without the switch is named at load', () => {
  const { rule, world } = setup(ALICE)
  rule({ cache: { ttl: '1s' } })
  assert.ok(world.warnings.some(text => text.startsWith('cache: has no effect')))
  world.warnings.length = 0
  rule({ cache: { enabled: true, ttl: '1s' } })
  rule({ cache: { enabled: false, ttl: '1s' } })
  assert.ok(!world.warnings.some(text => text.startsWith('cache')))
})
