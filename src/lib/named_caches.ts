/** lib/caches — caches by name, each made when it is first asked for. Knows nothing of access control. */
import { type Cache, createCache } from './cache.ts'
import type { Clock } from './time.ts'

export interface CachesOptions {
  readonly clock: Clock
  /** Most entries of each; beyond it the least recently used goes. */
  readonly entries: number
}

/** Whoever asks for a name knows the types of what is in it. */
export function createCaches(options: CachesOptions): <Answer, Kept>(name: string) => Cache<Answer, Kept> {
  const caches = new Map<string, unknown>()
  return <Answer, Kept>(name: string) => {
    const known = caches.get(name) ?? createCache<Answer, Kept>(options)
    caches.set(name, known)
    return known as Cache<Answer, Kept>
  }
}
