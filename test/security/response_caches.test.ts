/** S2-8: caches of responses are bounded in bytes, not only in entries. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { loadConfig } from '../../src/app/config.ts'
import { createServices } from '../../src/app/services.ts'
import { oauth2Introspection } from '../../src/handlers/authenticators/oauth2_introspection.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import type { Services } from '../../src/handlers/services.ts'
import { createNamedCaches } from '../../src/lib/named_caches.ts'
import { type Instant, millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'
import { buildHandler } from '../support/handler_harness.ts'
import { signTestToken, testKey } from '../support/jwks_host.ts'
import { createOAuthHarness, inlineKeySetUrl, jsonReply } from '../support/oauth_harness.ts'
import { requestWith } from '../support/request.ts'

const NEVER = Number.POSITIVE_INFINITY as Instant
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

const KEY = testKey('RSA', { kid: 'k', use: 'sig', alg: 'RS256' })
const KEY_SET = inlineKeySetUrl([KEY.private])
/** Services of a process with this bound. */
function servicesOf(maxBytes: number) {
  const files = [{ source: 'config.yaml', text: `response_cache: {max_bytes: ${maxBytes}}` }]
  const { config, issues } = loadConfig({ files, env: {}, flags: new Map() }, HANDLERS)
  assert.ok(config !== undefined, JSON.stringify(issues))
  const send = async () =>
    ({ kind: 'answered', status: 200, headers: [], body: JSON.stringify(INTROSPECTED) }) as const
  const { services } = createServices({
    config,
    send,
    fetch: send,
    clock: fakeClock(),
    onKeyProblem: () => {},
  })
  return services
}
const INTROSPECTED = { active: true, ext: { note: LARGE } }

/** Fills a cache with ten entries, then says which of the first and the last are still there. */
async function cachedOf(
  isCached: (i: number) => Promise<boolean>,
): Promise<{ first: boolean; last: boolean }> {
  for (let i = 0; i < 10; i++) await isCached(i)
  const last = await isCached(9)
  return { first: await isCached(0), last }
}

const KINDS: Readonly<Record<string, (services: Services) => (i: number) => Promise<boolean>>> = {
  'issued tokens': ({ jwks }) => {
    const issued = new Map<number, unknown>()
    return async i => {
      const claims = { note: LARGE, i }
      const renderedClaims = JSON.stringify(claims)
      const common = { url: KEY_SET, issuer: 'i', subject: 's', ttl: millis(1e6), reuse: true }
      const result = await jwks.issue({ ...common, claims, renderedClaims })
      const token = result.kind === 'issued' ? result.token : assert.fail(result.reason)
      const isCached = issued.get(i) === token
      issued.set(i, token)
      return isCached
    }
  },
  'verified tokens':
    ({ jwks }) =>
    async i => {
      // Small as text, large in memory.
      const claims = { sub: `${i}`, deep: Array(1_500).fill([]) }
      const token = signTestToken({ alg: 'RS256', kid: 'k' }, claims, KEY.signingKey)
      const algorithms = new Set(['RS256'])
      const result = await jwks.verify({ token, urls: [KEY_SET], algorithms, deadline: NEVER })
      return result.kind === 'verified' ? result.cached : assert.fail(result.kind)
    },
  introspections:
    ({ oauth2 }) =>
    async i => {
      const request = {
        url: 'http://i/',
        token: `${i}`,
        scope: '',
        headers: [],
        preAuthorization: undefined,
        clientAddress: '',
      }
      const result = await oauth2.introspect({ ...request, maxAge: millis(1e6), waiter: { deadline: NEVER } })
      return result.kind === 'introspected' ? result.cache === 'hit' : assert.fail(result.kind)
    },
  hydrators:
    ({ getCache }) =>
    async i => {
      const cache = getCache<object, object>('hydrator')
      if (cache.get(`${i}`) !== undefined) return true
      const toEntry = (value: object) => ({ value, ttl: millis(1e6) })
      await cache.load(`${i}`, { load: async () => INTROSPECTED, toEntry }).promise
      return false
    },
}
for (const [what, start] of Object.entries(KINDS)) {
  test(`S2-8: response_cache.max_bytes bounds the cache of ${what}`, async () => {
    assert.deepEqual(await cachedOf(start(servicesOf(500_000))), { first: false, last: true })
    assert.deepEqual(await cachedOf(start(servicesOf(50_000_000))), { first: true, last: true })
  })
}
