/** Counts each source once and few of one network, so that one party cannot forge what only many clients can show. */

export interface Source {
  /** The user, or a hash of the credential. */
  readonly key: string
  readonly network: string
}

export interface DistinctSources {
  /** Whether the source counts: it has not been counted yet, and its network has not used its share. */
  add(source: Source): boolean
  /** Removes the sources that were added before the previous call. */
  rotate(): void
  clear(): void
  readonly size: number
}

/** So many networks are needed to reach a number of sources. */
const MIN_NETWORKS = 3
/** Bounds memory. Further sources do not count. */
const MAX_SOURCES = 1_000

/** `needed`: number of sources from which the caller draws its conclusion. One network adds a third of them at most. */
export function createDistinctSources(needed: number): DistinctSources {
  const maxPerNetwork = Math.max(1, Math.ceil(needed / MIN_NETWORKS))
  let current = new Map<string, string>()
  let previous = new Map<string, string>()
  const countOf = (network: string): number => {
    let count = 0
    for (const sources of [current, previous])
      for (const one of sources.values()) if (one === network) count++
    return count
  }
  return {
    add({ key, network }) {
      if (current.has(key) || previous.has(key) || current.size >= MAX_SOURCES) return false
      if (countOf(network) >= maxPerNetwork) return false
      current.set(key, network)
      return true
    },
    rotate() {
      previous = current
      current = new Map()
    },
    clear() {
      previous = new Map()
      current = new Map()
    },
    get size() {
      return current.size + previous.size
    },
  }
}
