import assert from 'node:assert/strict'
import test from 'node:test'
import { createCache, type Question } from '../../src/lib/cache.ts'
import { millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

function setup(entries = 10) {
  const clock = fakeClock()
  const cache = createCache<string, string>({ clock, entries })
  return { clock, cache }
}

/** A question whose answer comes when the test says so. */
function pending(ttl = 1000, fresh = false) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const question: Question<string, string> & { asked: number } = {
    asked: 0,
    fresh,
    ask() {
      question.asked++
      return promise
    },
    keep: value => ({ value, ttl: millis(ttl) }),
  }
  return { question, resolve, reject }
}
const known = (value: string, ttl = 1000): Question<string, string> => ({
  ask: async () => value,
  keep: kept => ({ value: kept, ttl: millis(ttl) }),
})

test('an entry lives as long as it was told, to the millisecond', async () => {
  const { clock, cache } = setup()
  await cache.ask('k', known('v', 1000)).answer
  clock.pass(999)
  assert.equal(cache.get('k'), 'v')
  clock.pass(1)
  assert.equal(cache.get('k'), undefined)
  assert.equal(cache.size, 0)
})

test('an entry without lifetime is not kept at all', async () => {
  for (const ttl of [0, -5]) {
    const { cache } = setup()
    assert.equal(await cache.ask('k', known('v', ttl)).answer, 'v')
    assert.equal(cache.get('k'), undefined)
  }
})

test('the shelf is bounded: the least recently used entry goes', async () => {
  const { cache } = setup(2)
  await cache.ask('a', known('1')).answer
  await cache.ask('b', known('2')).answer
  cache.get('a')
  await cache.ask('c', known('3')).answer
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], ['1', undefined, '3'])
})

test('a thousand who ask together make one flight, and each learns whether he joined', async () => {
  const { cache } = setup()
  const { question, resolve } = pending()
  const tickets = Array.from({ length: 1000 }, () => cache.ask('k', question))
  resolve('v')
  assert.deepEqual(new Set(await Promise.all(tickets.map(ticket => ticket.answer))), new Set(['v']))
  assert.equal(question.asked, 1)
  assert.deepEqual(
    tickets.map(ticket => ticket.joined),
    [false, ...Array.from({ length: 999 }, () => true)],
  )
  assert.equal(cache.inFlight, 0)
})

test('a flight that fails is told to all who wait and to nobody after', async () => {
  const { cache } = setup()
  const failing = pending()
  const tickets = [cache.ask('k', failing.question), cache.ask('k', failing.question)]
  failing.reject(new Error('no'))
  for (const { answer } of tickets) await assert.rejects(answer, /no/)
  assert.equal(cache.inFlight, 0)
  assert.equal(await cache.ask('k', known('v')).answer, 'v')
})

test('a question that throws before it waits leaves no flight behind', async () => {
  const { cache } = setup()
  const question: Question<string, string> = {
    ask: () => {
      throw new Error('accident')
    },
    keep: () => undefined,
  }
  await assert.rejects(cache.ask('k', question).answer, /accident/)
  assert.equal(cache.inFlight, 0)
})

for (const what of ['evict', 'clear'] as const) {
  test(`an answer that was under way at ${what} is told but not kept, and later ones ask anew (C24)`, async () => {
    const { cache } = setup()
    const old = pending()
    const before = cache.ask('k', old.question)
    cache[what]('k')
    const next = pending()
    const after = cache.ask('k', next.question)
    assert.equal(after.joined, false)
    old.resolve('old')
    assert.equal(await before.answer, 'old')
    assert.equal(cache.get('k'), undefined)
    next.resolve('new')
    assert.equal(await after.answer, 'new')
    assert.equal(cache.get('k'), 'new')
  })
}

test('evicting one key leaves the others', async () => {
  const { cache } = setup()
  await cache.ask('a', known('1')).answer
  await cache.ask('b', known('2')).answer
  cache.evict('a')
  assert.deepEqual([cache.get('a'), cache.get('b')], [undefined, '2'])
})

test('a fresh question does not join a flight that began before it, and its answer is the one that stays', async () => {
  const { cache } = setup()
  const old = pending()
  const fresh = pending(1000, true)
  const first = cache.ask('k', old.question)
  const second = cache.ask('k', fresh.question)
  const third = cache.ask('k', fresh.question)
  const fourth = cache.ask('k', old.question)
  assert.deepEqual([second.joined, third.joined, fourth.joined], [false, true, true])
  fresh.resolve('fresh')
  assert.equal(await fourth.answer, 'fresh')
  old.resolve('old')
  assert.equal(await first.answer, 'old')
  assert.equal(cache.get('k'), 'fresh')
})

test('an answer may leave what was there, or drop it', async () => {
  const { cache } = setup()
  await cache.ask('k', known('v')).answer
  await cache.ask('k', { ask: async () => 'x', keep: () => undefined }).answer
  assert.equal(cache.get('k'), 'v')
  await cache.ask('k', { ask: async () => 'x', keep: () => 'drop' }).answer
  assert.equal(cache.get('k'), undefined)
})
