/** Finds the cache entries that a revocation affects, and holds off refills for a while afterwards. */
import {
  type Clock,
  type Instant,
  type Millis,
  millis,
  millisBetween,
  plusMillis,
  type WallTime,
} from '../../lib/time.ts'
import type { RevocableEntry, RevocationEvent } from '../types.ts'

export interface RevocationIndex<R extends RevocableEntry> {
  /** A session may have any number of cookie values, and an identity any number of sessions. */
  add(entry: R): void
  remove(entry: R): void
  /** Any one entry of the credential. */
  findByCredential(credentialHash: string): R | undefined
  /** Returns the entries to evict and starts the holdoff of their sessions. */
  revoke(event: RevocationEvent): readonly R[]
  /** Whether a result must not be cached: a revocation may arrive before Kratos has committed the end of the session. */
  isHeldOff(entry: Omit<RevocableEntry, 'key'>): boolean
}

interface Holdoff {
  readonly until: Instant
  /** The one session of the identity that may be cached. */
  readonly keptSessionId: string | undefined
}

/** Bounds memory under a flood of revocations; beyond it the oldest holdoff is dropped, with all lookups in flight. */
const MAX_HOLDOFFS = 100_000
/** A lookup that takes longer is not cached, ms. */
export const MAX_LOAD_MS = 60_000
/** Assumed maximum difference between our clock and that of the sender of `before`, ms. */
const MAX_CLOCK_SKEW_MS = 2_000

/**
 * `holdoff`: maximum time from a revocation to its commit in Kratos. `maxAge`: maximum age of a result of another replica; a
 * holdoff is kept at least that long after its end, so that an old result that is written back to Redis stays rejected.
 */
export function createRevocationIndex<R extends RevocableEntry>(
  clock: Clock,
  holdoff: Millis,
  maxAge: Millis = millis(0),
): RevocationIndex<R> {
  const retention = Math.max(MAX_LOAD_MS, maxAge)
  const bySession: Index<R> = new Map()
  const byIdentity: Index<R> = new Map()
  const byCredential: Index<R> = new Map()
  /** By session id, identity id or credential hash, in order of arrival. */
  const holdoffs = new Map<string, Holdoff>()
  /** Lookups that started before it are held off, because a holdoff that may concern them was dropped early. */
  let droppedAt = Number.NEGATIVE_INFINITY

  function addHoldoff(id: string, keep?: string): void {
    const earlier = holdoffs.get(id)
    // Two revocations that keep different sessions together keep none.
    const keepersDiffer =
      earlier !== undefined && earlier.until > clock.now() && earlier.keptSessionId !== keep
    holdoffs.delete(id)
    holdoffs.set(id, {
      until: plusMillis(clock.now(), holdoff),
      keptSessionId: keepersDiffer ? undefined : keep,
    })
    for (const [oldest, { until }] of holdoffs) {
      const expired = until + retention <= clock.now()
      if (!expired && holdoffs.size <= MAX_HOLDOFFS) return
      if (!expired) droppedAt = clock.now()
      holdoffs.delete(oldest)
    }
  }

  function affectedBefore(time: WallTime): R[] {
    const bound = time + MAX_CLOCK_SKEW_MS
    const toWallTime = (at: Instant): number => clock.wall() - millisBetween(at, clock.now())
    return [...bySession.values()]
      .flatMap(toList)
      .filter(
        ({ requestedAt, session }) => toWallTime(requestedAt) < bound || session.authenticatedAt < bound,
      )
  }

  return {
    add(entry) {
      addEntry(bySession, entry.session.id, entry)
      addEntry(byIdentity, entry.session.identityId, entry)
      addEntry(byCredential, entry.credentialHash, entry)
    },
    remove(entry) {
      removeEntry(bySession, entry.session.id, entry)
      removeEntry(byIdentity, entry.session.identityId, entry)
      removeEntry(byCredential, entry.credentialHash, entry)
    },
    findByCredential: credentialHash => toList(byCredential.get(credentialHash))[0],
    revoke(event) {
      switch (event.kind) {
        case 'session':
          addHoldoff(event.id)
          return toList(bySession.get(event.id))
        case 'identity': {
          const { id, keep } = event
          addHoldoff(id, keep)
          return toList(byIdentity.get(id)).filter(({ session }) => session.id !== keep)
        }
        case 'credential': {
          for (const hash of event.credentialHashes) addHoldoff(hash)
          // The whole session ends, so its entries under other cookie values go, too.
          const entries = event.credentialHashes.flatMap(hash => toList(byCredential.get(hash)))
          const sessionIds = new Set(entries.map(({ session }) => session.id))
          for (const id of sessionIds) addHoldoff(id)
          return [...sessionIds].flatMap(id => toList(bySession.get(id)))
        }
        default:
          return affectedBefore(event.before ?? (Number.POSITIVE_INFINITY as WallTime))
      }
    },
    isHeldOff({ session, credentialHash, requestedAt }) {
      if (requestedAt < droppedAt) return true
      return [session.id, session.identityId, credentialHash].some(id => {
        const found = holdoffs.get(id)
        return found !== undefined && found.until >= requestedAt && found.keptSessionId !== session.id
      })
    },
  }
}

/** Most ids have one entry; a set for each of them would take most of the memory of the index. */
type Index<R> = Map<string, R | Set<R>>

function addEntry<R>(index: Index<R>, id: string, entry: R): void {
  const found = index.get(id)
  if (found === undefined) index.set(id, entry)
  else if (found instanceof Set) found.add(entry)
  else index.set(id, new Set([found, entry]))
}

function removeEntry<R>(index: Index<R>, id: string, entry: R): void {
  const found = index.get(id)
  if (found === entry) index.delete(id)
  else if (found instanceof Set) {
    found.delete(entry)
    if (found.size === 0) index.delete(id)
  }
}

const toList = <R>(found: R | Set<R> | undefined): R[] =>
  found === undefined ? [] : found instanceof Set ? [...found] : [found]
