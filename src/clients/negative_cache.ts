/** Negative cache: short-lived rejections of credentials by one service. */
import { createLruCache } from '../lib/lru_cache.ts'
import type { Clock, Millis } from '../lib/time.ts'
import type { HttpResponse } from './http/message.ts'

export interface NegativeCache {
  /** `key`: a hash of the request, so that the cache holds no credential. */
  get(key: string): HttpResponse | undefined
  add(key: string, rejection: HttpResponse): void
  delete(key: string): void
}

const MAX_ENTRIES = 10_000
/** `{"active":false}` has 16. Longer bodies are not cached, so that `MAX_ENTRIES` bounds memory. */
const MAX_BODY_LENGTH = 256

/** `ttl` in ms; with 0 nothing is cached. */
export function createNegativeCache(clock: Pick<Clock, 'now'>, ttl: Millis): NegativeCache {
  const rejections = createLruCache<HttpResponse>({ clock, maxEntries: MAX_ENTRIES })
  return {
    get: rejections.get,
    add(key, { status, body }) {
      // Only a successful response says by its body that the credential is rejected.
      const kept = status === 200 ? body : ''
      if (kept.length > MAX_BODY_LENGTH) return
      rejections.set(key, { kind: 'answered', status, headers: [], body: kept, cache: 'negative' }, ttl)
    },
    delete: rejections.delete,
  }
}
