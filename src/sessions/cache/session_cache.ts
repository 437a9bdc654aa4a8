/** sessions/memory — verified sessions, how long each is believed, and which credentials were good lately. Knows keys, no credential, no Kratos and no rule. */
import type { Header } from '../../access/session.ts'
import { type CacheEntry, createLoadingCache, type LoadingCache, type PendingLoad } from '../../lib/cache.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween, plusMillis } from '../../lib/time.ts'
import type {
  CachedSession,
  CacheStatus,
  Finding,
  RevocableEntry,
  RevocationEvent,
  VerifiedFinding,
} from '../types.ts'
import { freshnessLifetime, jitterFactor } from './freshness.ts'
import { createRevocationIndex } from './revocation_index.ts'

export interface SessionCacheDependencies {
  readonly clock: Clock
  /** Longest time that a verified session is believed: how long a logout may go unseen. */
  readonly maxAge: Millis
  readonly maxEntries: number
  /** How long after that time a session still counts while Kratos cannot be asked; 0: not at all. */
  readonly staleIfError: Millis
  /** How long a revoked session is not remembered although Kratos says that it lives: news may be ahead of its commit. */
  readonly holdoff: Millis
  /** The last part of an entry's life, 0 to 1, in which a request asks for its renewal; 0: never. */
  readonly refreshAhead: number
  /** In [0, 1). */
  readonly random: () => number
}

export interface SessionLoadRequest {
  readonly load: () => Promise<Finding>
  readonly askedAt: Instant
  /** Of the credential alone. */
  readonly credentialHash: () => string
  /** The rule's own bound; 0: the answer is not kept. */
  readonly maxAge: Millis | undefined
  readonly fresh?: boolean
  /** Nobody waits: a Set-Cookie in the answer would be lost. */
  readonly isRefresh?: boolean
  /** Told what is kept, and for how long it may be believed from now on. */
  readonly onCached?: (finding: VerifiedFinding, ttl: Millis) => void
  /** Told of Kratos' no. */
  readonly onRejected?: () => void
}

export interface SessionCache {
  /** What may be believed at this moment without asking. */
  get(key: string, maxAge: Millis | undefined, now: Instant): CachedSession | undefined
  /** Whether it is time to renew what was recalled; says so once in a while, until it has been. */
  shouldRefresh(kept: CachedSession, maxAge: Millis | undefined, now: Instant): boolean
  /** What was known before Kratos could not be asked: for the grace only, never past the session's own end (C26). */
  getStale(key: string, maxAge: Millis | undefined): CachedSession | undefined
  status(key: string): CacheStatus
  load(key: string, question: SessionLoadRequest): PendingLoad<Finding>
  /** Empties itself when the wall clock has jumped (C22). Returns what it read: a Check needs one moment, not several. */
  checkClocks(): Instant
  clear(): void
  /** What is remembered of a credential, by its mark. */
  findByCredential(mark: string): RevocableEntry | undefined
  /** News came since, or is so fresh that what Kratos was asked then is not to be relied on. */
  isHeldOff(about: Omit<RevocableEntry, 'key'>): boolean
  /** Returns what went. */
  revoke(news: RevocationEvent): readonly RevocableEntry[]
  readonly size: number
}

/** Between the two clocks, in milliseconds; more is a jump. */
const MAX_CLOCK_DRIFT_MS = 2_000
/** Between two attempts to renew an entry. */
const REFRESH_RETRY_DELAY_MS = millis(1_000)
const NEVER = Number.POSITIVE_INFINITY as Instant
const NO_HEADERS: readonly Header[] = Object.freeze([])
const ABSENT: CacheStatus = Object.freeze({ kind: 'unknown' })
const REJECTED: CacheStatus = Object.freeze({ kind: 'ended' })

export function createSessionCache(parts: SessionCacheDependencies): SessionCache {
  const { clock, staleIfError, refreshAhead } = parts
  const revocationIndex = createRevocationIndex<CachedSession>(clock, parts.holdoff)
  const cache: LoadingCache<Finding, CachedSession> = createLoadingCache({
    clock,
    maxEntries: parts.maxEntries,
    onInsert: (_key, kept) => revocationIndex.add(kept),
    onRemove: (_key, kept) => revocationIndex.remove(kept),
  })
  let clockOffset = clock.wall() - clock.now()

  function checkClocks(): Instant {
    const now = clock.now()
    const offset = clock.wall() - now
    if (Math.abs(offset - clockOffset) > MAX_CLOCK_DRIFT_MS) cache.clear()
    clockOffset = offset
    return now
  }

  /** Not refused since, and the session itself not over. */
  function getLive(key: string): CachedSession | undefined {
    const kept = cache.get(key)
    return kept === undefined || kept.rejected || kept.verdict.session.expiresAt <= clock.wall()
      ? undefined
      : kept
  }

  function entryFor(
    key: string,
    finding: Finding,
    question: SessionLoadRequest,
  ): CacheEntry<CachedSession> | 'drop' | undefined {
    // An explicit no ends what is remembered (C26); not having found out does not.
    if (finding.kind === 'rejected' || finding.kind === 'second factor') {
      question.onRejected?.()
      return rejectedEntry(key)
    }
    if (finding.kind !== 'verified' || question.maxAge === 0) return undefined
    const { session, askedAt = question.askedAt } = finding
    const about = { key, credentialHash: question.credentialHash(), session, askedAt }
    if (revocationIndex.isHeldOff(about)) return 'drop'
    if (question.isRefresh === true && finding.responseHeaders.length > 0) {
      // Whoever asks after this entry's time gets the new cookie of that answer (kratos 1.6).
      const kept = cache.get(key)
      if (kept !== undefined) kept.refreshAfter = NEVER
      return undefined
    }
    const kept = verifiedEntry(finding, about)
    if (kept !== undefined) question.onCached?.(finding, millisBetween(clock.now(), kept.value.freshUntil))
    return kept
  }

  function rejectedEntry(key: string): CacheEntry<CachedSession> | 'drop' {
    const kept = cache.get(key)
    if (kept === undefined || kept.recentUntil <= clock.now()) return 'drop'
    return { value: { ...kept, rejected: true }, ttl: millisBetween(clock.now(), kept.recentUntil) }
  }

  function verifiedEntry(
    { cacheFor }: VerifiedFinding,
    about: RevocableEntry,
  ): CacheEntry<CachedSession> | undefined {
    const { session, askedAt } = about
    const random = parts.random()
    const bounds = { maxAge: parts.maxAge, expiresAt: session.expiresAt, cacheFor }
    const ttl = freshnessLifetime(bounds, clock.wall(), random)
    const freshUntil = plusMillis(askedAt, ttl)
    if (freshUntil <= clock.now()) return undefined
    const recentUntil = plusMillis(freshUntil, ttl)
    const verdict = Object.freeze({
      kind: 'verified',
      session,
      cache: 'hit',
      responseHeaders: NO_HEADERS,
    } as const)
    const end = Math.max(recentUntil, plusMillis(freshUntil, staleIfError)) as Instant
    return {
      value: {
        ...about,
        verdict,
        jitterFactor: jitterFactor(random),
        freshUntil,
        recentUntil,
        rejected: false,
        refreshAfter: askedAt,
      },
      ttl: millisBetween(clock.now(), end),
    }
  }

  /** When an entry is no longer believed by a rule with this bound. */
  const freshUntilFor = (kept: CachedSession, maxAge: Millis | undefined): number =>
    maxAge === undefined
      ? kept.freshUntil
      : Math.min(kept.freshUntil, kept.askedAt + maxAge * kept.jitterFactor)

  return {
    get(key, maxAge, now) {
      const kept = getLive(key)
      return kept === undefined || now >= freshUntilFor(kept, maxAge) ? undefined : kept
    },
    shouldRefresh(kept, maxAge, now) {
      const end = freshUntilFor(kept, maxAge)
      if (now < end - (end - kept.askedAt) * refreshAhead || now < kept.refreshAfter) return false
      kept.refreshAfter = plusMillis(now, REFRESH_RETRY_DELAY_MS)
      return true
    },
    getStale(key, maxAge) {
      if (staleIfError === 0 || maxAge !== undefined) return undefined
      const kept = getLive(key)
      return kept === undefined || clock.now() >= plusMillis(kept.freshUntil, staleIfError) ? undefined : kept
    },
    status(key) {
      const kept = cache.get(key)
      if (kept === undefined || clock.now() >= kept.recentUntil) return ABSENT
      if (kept.verdict.session.expiresAt <= clock.wall()) return ABSENT
      return kept.rejected ? REJECTED : { kind: 'known', session: kept.verdict.session }
    },
    load: (key, question) =>
      cache.load(key, {
        fresh: question.fresh === true,
        load: question.load,
        toEntry: finding => {
          checkClocks()
          return entryFor(key, finding, question)
        },
      }),
    checkClocks,
    isHeldOff: revocationIndex.isHeldOff,
    findByCredential: revocationIndex.findByCredential,
    clear: cache.clear,
    revoke(news) {
      const evicted = revocationIndex.revoke(news)
      for (const { key } of evicted) cache.evict(key)
      // Whose session a look-up under way will turn out to be is not known: none of them is kept or joined (C24).
      cache.abandonInFlight()
      return evicted
    },
    get size() {
      return cache.size
    },
  }
}
