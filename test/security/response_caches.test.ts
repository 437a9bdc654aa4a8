/** S2-8: caches of responses are bounded in bytes, not only in entries. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { oauth2Introspection } from '../../src/handlers/authenticators/oauth2_introspection.ts'
import { createNamedCaches } from '../../src/lib/named_caches.ts'
import { millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'
import { buildHandler } from '../support/handler_harness.ts'
import { createOAuthHarness, jsonReply } from '../support/oauth_harness.ts'
import { requestWith } from '../support/request.ts'

const LARGE = 'x'.repeat(100_000)

test('S2-8: large introspection responses evict each other before they fill the memory', async () => {
  const harness = createOAuthHarness({ '/introspect': jsonReply({ active: true, ext: { note: LARGE } }) })
  const config = { introspection_url: 'http://id/introspect', cache: { enabled: true } }
  const authenticate = buildHandler(oauth2Introspection, config, harness)
  const ask = async (i: number) => {
    await authenticate(requestWith([['Authorization', `Bearer token-${i}`]]))
  }
  for (let i = 0; i < 10; i++) await ask(i)
  await ask(9)
  assert.equal(harness.calls().length, 10, 'the last one is cached')
  await ask(0)
  assert.equal(harness.calls().length, 11, 'the first one was evicted: the harness allows 1 MB')
})

test('S2-8: caches of session endpoints and hydrators hold no more than their bytes', async () => {
  const getCache = createNamedCaches({ clock: fakeClock(), maxEntries: 100, maxBytes: 1e6 })
  for (const name of ['check_session', 'hydrator']) {
    const cache = getCache<object, object>(name)
    const toEntry = (value: object) => ({ value, ttl: millis(1000) })
    for (let i = 0; i < 10; i++)
      await cache.load(String(i), { load: async () => ({ document: { traits: [LARGE] } }), toEntry }).promise
    assert.equal(cache.size, 4)
  }
})
