/** sessions/revocation — which remembered answers a revocation is about, and whose sessions may not be remembered for a while. Knows keys and marks, no credential and no cache. */
import {
  type Clock,
  type Instant,
  type Millis,
  millisBetween,
  plusMillis,
  type WallTime,
} from '../../lib/time.ts'
import type { RevocableEntry, RevocationEvent } from '../types.ts'

export interface RevocationIndex<R extends RevocableEntry> {
  /** A session has any number of cookie values, an identity any number of sessions (kratos 2.8). */
  add(entry: R): void
  remove(entry: R): void
  /** Any entry of a credential. */
  findByCredential(mark: string): R | undefined
  /** What must be forgotten; from now on its sessions are held for a while. */
  revoke(news: RevocationEvent): readonly R[]
  /** The news may be ahead of Kratos' own commit: what it was asked in the meantime is not kept (3.3). */
  isHeldOff(entry: Omit<RevocableEntry, 'key'>): boolean
}

interface Holdoff {
  readonly until: Instant
  /** The one session of an identity that is not held. */
  readonly keptSessionId: string | undefined
}

/** Most ids that are held at a time; beyond it the oldest goes, which a flood of news cannot turn into memory. */
const MAX_HOLDOFFS = 100_000
/** ms. A call that was made before a hold ended lands within this time: until then the hold must be known. */
const MAX_LOAD_MS = 60_000
/** ms. The clock of whoever names a time and ours may differ by this much. */
const MAX_CLOCK_SKEW_MS = 2_000

/** `hold`: longest time from the news to Kratos' commit. */
export function createRevocationIndex<R extends RevocableEntry>(
  clock: Clock,
  holdoff: Millis,
): RevocationIndex<R> {
  const bySession: Index<R> = new Map()
  const byIdentity: Index<R> = new Map()
  const byCredential: Index<R> = new Map()
  /** Id of a session or an identity, or a mark. In order of arrival. */
  const holdoffs = new Map<string, Holdoff>()

  function addHoldoff(id: string, keep?: string): void {
    const earlier = holdoffs.get(id)
    // Two who keep different sessions keep none while both count.
    const keepersDiffer =
      earlier !== undefined && earlier.until > clock.now() && earlier.keptSessionId !== keep
    holdoffs.delete(id)
    holdoffs.set(id, {
      until: plusMillis(clock.now(), holdoff),
      keptSessionId: keepersDiffer ? undefined : keep,
    })
    for (const [oldest, { until }] of holdoffs) {
      if (until + MAX_LOAD_MS > clock.now() && holdoffs.size <= MAX_HOLDOFFS) return
      holdoffs.delete(oldest)
    }
  }

  function affectedBefore(time: WallTime): R[] {
    const bound = time + MAX_CLOCK_SKEW_MS
    const asked = (at: Instant): number => clock.wall() - millisBetween(at, clock.now())
    return [...bySession.values()]
      .flatMap(toList)
      .filter(({ askedAt, session }) => asked(askedAt) < bound || session.authenticatedAt < bound)
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
    findByCredential: mark => toList(byCredential.get(mark))[0],
    revoke(news) {
      switch (news.kind) {
        case 'session':
          addHoldoff(news.id)
          return toList(bySession.get(news.id))
        case 'identity': {
          const { id, keep } = news
          addHoldoff(id, keep)
          return toList(byIdentity.get(id)).filter(({ session }) => session.id !== keep)
        }
        case 'credential': {
          for (const mark of news.marks) addHoldoff(mark)
          // The session ends with it, under whatever other values and spellings it is known.
          const known = news.marks.flatMap(mark => toList(byCredential.get(mark)))
          const ids = new Set(known.map(({ session }) => session.id))
          for (const id of ids) addHoldoff(id)
          return [...ids].flatMap(id => toList(bySession.get(id)))
        }
        default:
          return affectedBefore(news.before ?? (Number.POSITIVE_INFINITY as WallTime))
      }
    },
    isHeldOff({ session, credentialHash: mark, askedAt }) {
      const isHeld = (id: string): boolean => {
        const found = holdoffs.get(id)
        return found !== undefined && found.until > askedAt && found.keptSessionId !== session.id
      }
      return isHeld(session.id) || isHeld(session.identityId) || isHeld(mark)
    },
  }
}

/** Most have one entry, and a set for each would be the larger part of the memory. */
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
