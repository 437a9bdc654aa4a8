/** sessions/revocation — which remembered answers a revocation is about, and whose sessions may not be remembered for a while. Knows keys and marks, no credential and no cache. */
import { between, type Clock, type Instant, later, type Millis, type WallTime } from '../../lib/time.ts'
import type { News, Remembered } from '../types.ts'

export interface RevocationIndex<R extends Remembered> {
  /** A session has any number of cookie values, an identity any number of sessions (kratos 2.8). */
  add(entry: R): void
  remove(entry: R): void
  /** Any entry of a credential. */
  find(mark: string): R | undefined
  /** What must be forgotten; from now on its sessions are held for a while. */
  revoke(news: News): readonly R[]
  /** The news may be ahead of Kratos' own commit: what it was asked in the meantime is not kept (3.3). */
  held(entry: Omit<Remembered, 'key'>): boolean
}

interface Hold {
  readonly until: Instant
  /** The one session of an identity that is not held. */
  readonly keep: string | undefined
}

/** Most ids that are held at a time; beyond it the oldest goes, which a flood of news cannot turn into memory. */
const MOST_HELD = 100_000
/** ms. A call that was made before a hold ended lands within this time: until then the hold must be known. */
const LONGEST_FLIGHT = 60_000
/** ms. The clock of whoever names a time and ours may differ by this much. */
const SKEW = 2_000

/** `hold`: longest time from the news to Kratos' commit. */
export function createRevocationIndex<R extends Remembered>(clock: Clock, hold: Millis): RevocationIndex<R> {
  const bySession: Index<R> = new Map()
  const byIdentity: Index<R> = new Map()
  const byMark: Index<R> = new Map()
  /** Id of a session or an identity, or a mark. In order of arrival. */
  const holds = new Map<string, Hold>()

  function holdBack(id: string, keep?: string): void {
    const earlier = holds.get(id)
    // Two who keep different sessions keep none while both count.
    const both = earlier !== undefined && earlier.until > clock.now() && earlier.keep !== keep
    holds.delete(id)
    holds.set(id, { until: later(clock.now(), hold), keep: both ? undefined : keep })
    for (const [oldest, { until }] of holds) {
      if (until + LONGEST_FLIGHT > clock.now() && holds.size <= MOST_HELD) return
      holds.delete(oldest)
    }
  }

  function before(time: WallTime): R[] {
    const bound = time + SKEW
    const asked = (at: Instant): number => clock.wall() - between(at, clock.now())
    return [...bySession.values()]
      .flatMap(list)
      .filter(({ askedAt, session }) => asked(askedAt) < bound || session.authenticatedAt < bound)
  }

  return {
    add(entry) {
      put(bySession, entry.session.id, entry)
      put(byIdentity, entry.session.identityId, entry)
      put(byMark, entry.mark, entry)
    },
    remove(entry) {
      take(bySession, entry.session.id, entry)
      take(byIdentity, entry.session.identityId, entry)
      take(byMark, entry.mark, entry)
    },
    find: mark => list(byMark.get(mark))[0],
    revoke(news) {
      switch (news.kind) {
        case 'session':
          holdBack(news.id)
          return list(bySession.get(news.id))
        case 'identity': {
          const { id, keep } = news
          holdBack(id, keep)
          return list(byIdentity.get(id)).filter(({ session }) => session.id !== keep)
        }
        case 'credential': {
          for (const mark of news.marks) holdBack(mark)
          // The session ends with it, under whatever other values and spellings it is known.
          const known = news.marks.flatMap(mark => list(byMark.get(mark)))
          const ids = new Set(known.map(({ session }) => session.id))
          for (const id of ids) holdBack(id)
          return [...ids].flatMap(id => list(bySession.get(id)))
        }
        default:
          return before(news.before ?? (Number.POSITIVE_INFINITY as WallTime))
      }
    },
    held({ session, mark, askedAt }) {
      const isHeld = (id: string): boolean => {
        const found = holds.get(id)
        return found !== undefined && found.until > askedAt && found.keep !== session.id
      }
      return isHeld(session.id) || isHeld(session.identityId) || isHeld(mark)
    },
  }
}

/** Most have one entry, and a set for each would be the larger part of the memory. */
type Index<R> = Map<string, R | Set<R>>

function put<R>(index: Index<R>, id: string, entry: R): void {
  const found = index.get(id)
  if (found === undefined) index.set(id, entry)
  else if (found instanceof Set) found.add(entry)
  else index.set(id, new Set([found, entry]))
}

function take<R>(index: Index<R>, id: string, entry: R): void {
  const found = index.get(id)
  if (found === entry) index.delete(id)
  else if (found instanceof Set) {
    found.delete(entry)
    if (found.size === 0) index.delete(id)
  }
}

const list = <R>(found: R | Set<R> | undefined): R[] =>
  found === undefined ? [] : found instanceof Set ? [...found] : [found]
