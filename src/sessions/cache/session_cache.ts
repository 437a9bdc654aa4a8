/** sessions/memory — verified sessions, how long each is believed, and which credentials were good lately. Knows keys, no credential, no Kratos and no rule. */
import type { Header } from '../../access/session.ts'
import { type Cache, createCache, type Keep, type Ticket } from '../../lib/cache.ts'
import { between, type Clock, type Instant, later, type Millis, millis } from '../../lib/time.ts'
import type { Finding, Kept, News, Remembered, Standing, Verified } from '../types.ts'
import { lifetime, share } from './freshness.ts'
import { createRevocationIndex } from './revocation_index.ts'

export interface MemoryParts {
  readonly clock: Clock
  /** Longest time that a verified session is believed: how long a logout may go unseen. */
  readonly maxAge: Millis
  readonly maxEntries: number
  /** How long after that time a session still counts while Kratos cannot be asked; 0: not at all. */
  readonly grace: Millis
  /** How long a revoked session is not remembered although Kratos says that it lives: news may be ahead of its commit. */
  readonly hold: Millis
  /** The last part of an entry's life, 0 to 1, in which a request asks for its renewal; 0: never. */
  readonly refreshAhead: number
  /** In [0, 1). */
  readonly random: () => number
}

export interface MemoryQuestion {
  readonly ask: () => Promise<Finding>
  readonly askedAt: Instant
  /** Of the credential alone. */
  readonly mark: () => string
  /** The rule's own bound; 0: the answer is not kept. */
  readonly maxAge: Millis | undefined
  readonly fresh?: boolean
  /** Nobody waits: a Set-Cookie in the answer would be lost. */
  readonly renewal?: boolean
  /** Told what is kept, and for how long it may be believed from now on. */
  readonly kept?: (finding: Verified, ttl: Millis) => void
  /** Told of Kratos' no. */
  readonly refused?: () => void
}

export interface Memory {
  /** What may be believed at this moment without asking. */
  recall(key: string, maxAge: Millis | undefined, now: Instant): Kept | undefined
  /** Whether it is time to renew what was recalled; says so once in a while, until it has been. */
  isDue(kept: Kept, maxAge: Millis | undefined, now: Instant): boolean
  /** What was known before Kratos could not be asked: for the grace only, never past the session's own end (C26). */
  stale(key: string, maxAge: Millis | undefined): Kept | undefined
  standing(key: string): Standing
  ask(key: string, question: MemoryQuestion): Ticket<Finding>
  /** Empties itself when the wall clock has jumped (C22). Returns what it read: a Check needs one moment, not several. */
  watchClocks(): Instant
  clear(): void
  /** What is remembered of a credential, by its mark. */
  find(mark: string): Remembered | undefined
  /** News came since, or is so fresh that what Kratos was asked then is not to be relied on. */
  held(about: Omit<Remembered, 'key'>): boolean
  /** Returns what went. */
  revoke(news: News): readonly Remembered[]
  readonly size: number
}

/** Between the two clocks, in milliseconds; more is a jump. */
const LARGEST_DRIFT = 2_000
/** Between two attempts to renew an entry. */
const RENEWAL_PAUSE = millis(1_000)
const NEVER = Number.POSITIVE_INFINITY as Instant
const NO_HEADERS: readonly Header[] = Object.freeze([])
const UNKNOWN: Standing = Object.freeze({ kind: 'unknown' })
const ENDED: Standing = Object.freeze({ kind: 'ended' })

export function createMemory(parts: MemoryParts): Memory {
  const { clock, grace, refreshAhead } = parts
  const index = createRevocationIndex<Kept>(clock, parts.hold)
  const cache: Cache<Finding, Kept> = createCache({
    clock,
    entries: parts.maxEntries,
    came: (_key, kept) => index.add(kept),
    gone: (_key, kept) => index.remove(kept),
  })
  let drift = clock.wall() - clock.now()

  function watchClocks(): Instant {
    const now = clock.now()
    const apart = clock.wall() - now
    if (Math.abs(apart - drift) > LARGEST_DRIFT) cache.clear()
    drift = apart
    return now
  }

  /** Not refused since, and the session itself not over. */
  function living(key: string): Kept | undefined {
    const kept = cache.get(key)
    return kept === undefined || kept.ended || kept.hit.session.expiresAt <= clock.wall() ? undefined : kept
  }

  function keep(key: string, finding: Finding, question: MemoryQuestion): Keep<Kept> | 'drop' | undefined {
    // An explicit no ends what is remembered (C26); not having found out does not.
    if (finding.kind === 'rejected' || finding.kind === 'second factor') {
      question.refused?.()
      return ended(key)
    }
    if (finding.kind !== 'verified' || question.maxAge === 0) return undefined
    const { session, askedAt = question.askedAt } = finding
    const about = { key, mark: question.mark(), session, askedAt }
    if (index.held(about)) return 'drop'
    if (question.renewal === true && finding.responseHeaders.length > 0) {
      // Whoever asks after this entry's time gets the new cookie of that answer (kratos 1.6).
      const kept = cache.get(key)
      if (kept !== undefined) kept.renewAfter = NEVER
      return undefined
    }
    const kept = verified(finding, about)
    if (kept !== undefined) question.kept?.(finding, between(clock.now(), kept.value.freshUntil))
    return kept
  }

  function ended(key: string): Keep<Kept> | 'drop' {
    const kept = cache.get(key)
    if (kept === undefined || kept.latelyUntil <= clock.now()) return 'drop'
    return { value: { ...kept, ended: true }, ttl: between(clock.now(), kept.latelyUntil) }
  }

  function verified({ cacheFor }: Verified, about: Remembered): Keep<Kept> | undefined {
    const { session, askedAt } = about
    const random = parts.random()
    const bounds = { ceiling: parts.maxAge, expiresAt: session.expiresAt, cacheFor }
    const ttl = lifetime(bounds, clock.wall(), random)
    const freshUntil = later(askedAt, ttl)
    if (freshUntil <= clock.now()) return undefined
    const latelyUntil = later(freshUntil, ttl)
    const hit = Object.freeze({
      kind: 'verified',
      session,
      cache: 'hit',
      responseHeaders: NO_HEADERS,
    } as const)
    const end = Math.max(latelyUntil, later(freshUntil, grace)) as Instant
    return {
      value: {
        ...about,
        hit,
        share: share(random),
        freshUntil,
        latelyUntil,
        ended: false,
        renewAfter: askedAt,
      },
      ttl: between(clock.now(), end),
    }
  }

  /** When an entry is no longer believed by a rule with this bound. */
  const endFor = (kept: Kept, maxAge: Millis | undefined): number =>
    maxAge === undefined ? kept.freshUntil : Math.min(kept.freshUntil, kept.askedAt + maxAge * kept.share)

  return {
    recall(key, maxAge, now) {
      const kept = living(key)
      return kept === undefined || now >= endFor(kept, maxAge) ? undefined : kept
    },
    isDue(kept, maxAge, now) {
      const end = endFor(kept, maxAge)
      if (now < end - (end - kept.askedAt) * refreshAhead || now < kept.renewAfter) return false
      kept.renewAfter = later(now, RENEWAL_PAUSE)
      return true
    },
    stale(key, maxAge) {
      if (grace === 0 || maxAge !== undefined) return undefined
      const kept = living(key)
      return kept === undefined || clock.now() >= later(kept.freshUntil, grace) ? undefined : kept
    },
    standing(key) {
      const kept = cache.get(key)
      if (kept === undefined || clock.now() >= kept.latelyUntil) return UNKNOWN
      if (kept.hit.session.expiresAt <= clock.wall()) return UNKNOWN
      return kept.ended ? ENDED : { kind: 'known', session: kept.hit.session }
    },
    ask: (key, question) =>
      cache.ask(key, {
        fresh: question.fresh === true,
        ask: question.ask,
        keep: finding => {
          watchClocks()
          return keep(key, finding, question)
        },
      }),
    watchClocks,
    held: index.held,
    find: index.find,
    clear: cache.clear,
    revoke(news) {
      const gone = index.revoke(news)
      for (const { key } of gone) cache.evict(key)
      // Whose session a look-up under way will turn out to be is not known: none of them is kept or joined (C24).
      cache.abandon()
      return gone
    },
    get size() {
      return cache.size
    },
  }
}
