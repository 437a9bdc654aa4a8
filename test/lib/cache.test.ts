import assert from 'node:assert/strict'
import test from 'node:test'
import { createLoadingCache, type LoadRequest } from '../../src/lib/cache.ts'
import { millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

function setup(entries = 10) {
  const clock = fakeClock()
  const cache = createLoadingCache<string, string>({ clock, maxEntries: entries })
  return { clock, cache }
}

/** A question whose answer comes when the test says so. */
function pending(ttl = 1000, fresh = false) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const question: LoadRequest<string, string> & { asked: number } = {
    asked: 0,
    fresh,
    load() {
      question.asked++
      return promise
    },
    toEntry: value => ({ value, ttl: millis(ttl) }),
  }
  return { question, resolve, reject }
}
const known = (value: string, ttl = 1000): LoadRequest<string, string> => ({
  load: async () => value,
  toEntry: kept => ({ value: kept, ttl: millis(ttl) }),
})

test('an entry lives as long as it was told, to the millisecond', async () => {
  const { clock, cache } = setup()
  await cache.load('k', known('v', 1000)).promise
  clock.advance(999)
  assert.equal(cache.get('k'), 'v')
  clock.advance(1)
  assert.equal(cache.get('k'), undefined)
  assert.equal(cache.size, 0)
})

test('an entry without lifetime is not kept at all', async () => {
  for (const ttl of [0, -5]) {
    const { cache } = setup()
    assert.equal(await cache.load('k', known('v', ttl)).promise, 'v')
    assert.equal(cache.get('k'), undefined)
  }
})

test('the shelf is bounded: the least recently used entry goes', async () => {
  const { cache } = setup(2)
  await cache.load('a', known('1')).promise
  await cache.load('b', known('2')).promise
  cache.get('a')
  await cache.load('c', known('3')).promise
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], ['1', undefined, '3'])
})

test('a thousand who ask together make one flight, and each learns whether he joined', async () => {
  const { cache } = setup()
  const { question, resolve } = pending()
  const tickets = Array.from({ length: 1000 }, () => cache.load('k', question))
  resolve('v')
  assert.deepEqual(new Set(await Promise.all(tickets.map(ticket => ticket.promise))), new Set(['v']))
  assert.equal(question.asked, 1)
  assert.deepEqual(
    tickets.map(ticket => ticket.shared),
    [false, ...Array.from({ length: 999 }, () => true)],
  )
  assert.equal(cache.inFlight, 0)
})

test('a flight that fails is told to all who wait and to nobody after', async () => {
  const { cache } = setup()
  const failing = pending()
  const tickets = [cache.load('k', failing.question), cache.load('k', failing.question)]
  failing.reject(new Error('no'))
  for (const { promise: answer } of tickets) await assert.rejects(answer, /no/)
  assert.equal(cache.inFlight, 0)
  assert.equal(await cache.load('k', known('v')).promise, 'v')
})

test('a question that throws before it waits leaves no flight behind', async () => {
  const { cache } = setup()
  const question: LoadRequest<string, string> = {
    load: () => {
      throw new Error('accident')
    },
    toEntry: () => undefined,
  }
  await assert.rejects(cache.load('k', question).promise, /accident/)
  assert.equal(cache.inFlight, 0)
})

for (const what of ['evict', 'clear'] as const) {
  test(`an answer that was under way at ${what} is told but not kept, and later ones ask anew (C24)`, async () => {
    const { cache } = setup()
    const old = pending()
    const before = cache.load('k', old.question)
    cache[what]('k')
    const next = pending()
    const after = cache.load('k', next.question)
    assert.equal(after.shared, false)
    old.resolve('old')
    assert.equal(await before.promise, 'old')
    assert.equal(cache.get('k'), undefined)
    next.resolve('new')
    assert.equal(await after.promise, 'new')
    assert.equal(cache.get('k'), 'new')
  })
}

test('evicting one key leaves the others', async () => {
  const { cache } = setup()
  await cache.load('a', known('1')).promise
  await cache.load('b', known('2')).promise
  cache.evict('a')
  assert.deepEqual([cache.get('a'), cache.get('b')], [undefined, '2'])
})

test('a fresh question does not join a flight that began before it, and its answer is the one that stays', async () => {
  const { cache } = setup()
  const old = pending()
  const fresh = pending(1000, true)
  const first = cache.load('k', old.question)
  const second = cache.load('k', fresh.question)
  const third = cache.load('k', fresh.question)
  const fourth = cache.load('k', old.question)
  assert.deepEqual([second.shared, third.shared, fourth.shared], [false, true, true])
  fresh.resolve('fresh')
  assert.equal(await fourth.promise, 'fresh')
  old.resolve('old')
  assert.equal(await first.promise, 'old')
  assert.equal(cache.get('k'), 'fresh')
})

test('an answer may leave what was there, or drop it', async () => {
  const { cache } = setup()
  await cache.load('k', known('v')).promise
  await cache.load('k', { load: async () => 'x', toEntry: () => undefined }).promise
  assert.equal(cache.get('k'), 'v')
  await cache.load('k', { load: async () => 'x', toEntry: () => 'drop' }).promise
  assert.equal(cache.get('k'), undefined)
})
