/** lib/caches — caches by name, each made when it is first asked for. Knows nothing of access control. */
import { createLoadingCache, type LoadingCache } from './cache.ts'
import type { Clock } from './time.ts'

export interface NamedCachesOptions {
  readonly clock: Clock
  /** Most entries of each; beyond it the least recently used goes. */
  readonly maxEntries: number
}

/** Whoever asks for a name knows the types of what is in it. */
export function createNamedCaches(
  options: NamedCachesOptions,
): <Answer, Kept>(name: string) => LoadingCache<Answer, Kept> {
  const caches = new Map<string, unknown>()
  return <Answer, Kept>(name: string) => {
    const known = caches.get(name) ?? createLoadingCache<Answer, Kept>(options)
    caches.set(name, known)
    return known as LoadingCache<Answer, Kept>
  }
}
