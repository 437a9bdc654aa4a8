/** Cache of verified sessions: freshness, use while Kratos is unavailable, background refresh and revocation. */
import type { Header } from '../../access/session.ts'
import { estimateHeapBytes } from '../../lib/heap_size.ts'
import {
  type CacheEntry,
  createSingleFlightCache,
  type PendingLoad,
  type SingleFlightCache,
  type Waiter,
} from '../../lib/single_flight_cache.ts'
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
import { createRevocationIndex, MAX_LOAD_MS } from './revocation_index.ts'

export interface SessionCacheDependencies {
  readonly clock: Clock
  /** Maximum freshness lifetime. An unreported logout takes effect after this time at the latest. */
  readonly maxAge: Millis
  readonly maxEntries: number
  /** Maximum size of all entries, estimated: a user with large traits can have many sessions. */
  readonly maxBytes: number
  /** How long an entry is used beyond its freshness lifetime while Kratos is unavailable; 0: not at all. */
  readonly staleIfError: Millis
  /** How long a revoked session is not cached again: a revocation may arrive before Kratos has committed it. */
  readonly holdoff: Millis
  /** Final share of the freshness lifetime, 0 to 1, in which a request triggers a background refresh; 0: never. */
  readonly refreshAhead: number
  /** In [0, 1). */
  readonly random: () => number
  /** Called for each session that leaves the cache for a newer one. */
  readonly onEvicted?: () => void
}

export interface SessionLoadRequest {
  /** `wantedUntil` returns the latest deadline of all requests that wait for the result. */
  readonly load: (wantedUntil: () => Instant) => Promise<Finding>
  readonly waiter?: Waiter
  readonly requestedAt: Instant
  /** Keyed hash of the credential alone. Computed only if the result is cached. */
  readonly credentialHash: () => string
  /** Maximum age set by the rule; 0: the result is not cached. */
  readonly maxAge: Millis | undefined
  /** Does not join a load in flight, unless that one is fresh, too. */
  readonly fresh?: boolean
  /** No request waits for the result, so a Set-Cookie in it would be lost. */
  readonly isRefresh?: boolean
  /** Called with the cached result and its remaining freshness lifetime. */
  readonly onCached?: (finding: VerifiedFinding, ttl: Millis) => void
  /** Called if Kratos rejects the credential. */
  readonly onRejected?: () => void
}

export interface SessionCache {
  /** The fresh entry, by the configured maximum age and that of the rule. */
  get(key: string, maxAge: Millis | undefined, now: Instant): CachedSession | undefined
  /** Whether the caller should refresh the entry now. True at most once a second for each entry. */
  shouldRefresh(entry: CachedSession, maxAge: Millis | undefined, now: Instant): boolean
  /** The entry to use while Kratos is unavailable. Never after `expires_at` of the session, never for a rule with a maximum age. */
  getStale(key: string, maxAge: Millis | undefined): CachedSession | undefined
  status(key: string): CacheStatus
  /** Concurrent loads of one key share one call. */
  load(key: string, request: SessionLoadRequest): PendingLoad<Finding>
  /** Clears the cache if the wall clock has jumped. Returns the time that it read, so that a request uses one instant. */
  checkClocks(): Instant
  /** Evicts all entries. Results of loads in flight are not cached. */
  clear(): void
  findByCredential(credentialHash: string): RevocableEntry | undefined
  /** Whether a revocation prevents this result from being cached. */
  isHeldOff(entry: Omit<RevocableEntry, 'key'>): boolean
  /** Evicts and returns the affected entries. */
  revoke(event: RevocationEvent): readonly RevocableEntry[]
  readonly size: number
  /** Estimated size of the cached sessions, bytes. */
  readonly bytes: number
}

/** What an entry holds besides the session, with its places in the revocation index, bytes. */
const BYTES_PER_ENTRY = 700
/** A larger change of the difference between wall clock and monotonic clock is a jump, ms. */
const MAX_CLOCK_DRIFT_MS = 2_000
/** Minimum time between two refreshes of an entry. */
const REFRESH_INTERVAL_MS = millis(1_000)
const NEVER = Number.POSITIVE_INFINITY as Instant
const NO_HEADERS: readonly Header[] = Object.freeze([])
const ABSENT: CacheStatus = Object.freeze({ kind: 'absent' })
const REJECTED: CacheStatus = Object.freeze({ kind: 'rejected' })

export function createSessionCache(dependencies: SessionCacheDependencies): SessionCache {
  const { clock, staleIfError, refreshAhead } = dependencies
  const revocationIndex = createRevocationIndex<CachedSession>(
    clock,
    dependencies.holdoff,
    dependencies.maxAge,
  )
  const cache: SingleFlightCache<Finding, CachedSession> = createSingleFlightCache({
    clock,
    maxEntries: dependencies.maxEntries,
    memory: {
      maxBytes: dependencies.maxBytes,
      sizeOf: ({ session }) => BYTES_PER_ENTRY + estimateHeapBytes(session.document),
    },
    ...(dependencies.onEvicted === undefined ? {} : { onEvict: dependencies.onEvicted }),
    onInsert: (_key, entry) => revocationIndex.add(entry),
    onRemove: (_key, entry) => revocationIndex.remove(entry),
  })
  let clockOffset = clock.wall() - clock.now()

  function checkClocks(): Instant {
    const now = clock.now()
    const offset = clock.wall() - now
    if (Math.abs(offset - clockOffset) > MAX_CLOCK_DRIFT_MS) cache.clear()
    clockOffset = offset
    return now
  }

  function getUsable(key: string): CachedSession | undefined {
    const entry = cache.get(key)
    if (entry === undefined || entry.rejected) return undefined
    return entry.verdict.session.expiresAt <= clock.wall() ? undefined : entry
  }

  /** What becomes of the entry after a load: a new entry, removal, or no change. */
  function entryAfterLoad(
    key: string,
    finding: Finding,
    request: SessionLoadRequest,
  ): CacheEntry<CachedSession> | 'evict' | undefined {
    // Only an explicit rejection ends the entry. An unavailable Kratos leaves it for `getStale`.
    if (finding.kind === 'rejected' || finding.kind === 'second factor') {
      request.onRejected?.()
      return rejectedEntry(key)
    }
    if (finding.kind !== 'verified' || request.maxAge === 0) return undefined
    // Holdoffs are not kept for longer.
    if (millisBetween(request.requestedAt, clock.now()) >= MAX_LOAD_MS) return undefined
    const { session, requestedAt = request.requestedAt } = finding
    const identified = { key, credentialHash: request.credentialHash(), session, requestedAt }
    if (revocationIndex.isHeldOff(identified)) return 'evict'
    if (request.isRefresh === true && finding.responseHeaders.length > 0) {
      // Kratos has issued a new cookie. The entry must expire, so that a waiting request receives the next one.
      const entry = cache.get(key)
      if (entry !== undefined) entry.refreshAfter = NEVER
      return undefined
    }
    const entry = verifiedEntry(finding, identified)
    if (entry !== undefined) request.onCached?.(finding, millisBetween(clock.now(), entry.value.freshUntil))
    return entry
  }

  function rejectedEntry(key: string): CacheEntry<CachedSession> | 'evict' {
    const entry = cache.get(key)
    if (entry === undefined || entry.recentUntil <= clock.now()) return 'evict'
    return { value: { ...entry, rejected: true }, ttl: millisBetween(clock.now(), entry.recentUntil) }
  }

  function verifiedEntry(
    { cacheFor }: VerifiedFinding,
    identified: RevocableEntry,
  ): CacheEntry<CachedSession> | undefined {
    const { session, requestedAt } = identified
    const random = dependencies.random()
    const bounds = { maxAge: dependencies.maxAge, expiresAt: session.expiresAt, cacheFor }
    const ttl = freshnessLifetime(bounds, clock.wall(), random)
    const freshUntil = plusMillis(requestedAt, ttl)
    if (freshUntil <= clock.now()) return undefined
    const recentUntil = plusMillis(freshUntil, ttl)
    const keepUntil = Math.max(recentUntil, plusMillis(freshUntil, staleIfError)) as Instant
    return {
      value: {
        ...identified,
        verdict: Object.freeze({ kind: 'verified', session, cache: 'hit', responseHeaders: NO_HEADERS }),
        jitterFactor: jitterFactor(random),
        freshUntil,
        recentUntil,
        rejected: false,
        refreshAfter: requestedAt,
      },
      ttl: millisBetween(clock.now(), keepUntil),
    }
  }

  const freshUntilFor = (entry: CachedSession, maxAge: Millis | undefined): number =>
    maxAge === undefined
      ? entry.freshUntil
      : Math.min(entry.freshUntil, entry.requestedAt + maxAge * entry.jitterFactor)

  return {
    get(key, maxAge, now) {
      const entry = getUsable(key)
      return entry === undefined || now >= freshUntilFor(entry, maxAge) ? undefined : entry
    },
    shouldRefresh(entry, maxAge, now) {
      const end = freshUntilFor(entry, maxAge)
      if (now < end - (end - entry.requestedAt) * refreshAhead || now < entry.refreshAfter) return false
      entry.refreshAfter = plusMillis(now, REFRESH_INTERVAL_MS)
      return true
    },
    getStale(key, maxAge) {
      if (staleIfError === 0 || maxAge !== undefined) return undefined
      const entry = getUsable(key)
      if (entry === undefined) return undefined
      return clock.now() >= plusMillis(entry.freshUntil, staleIfError) ? undefined : entry
    },
    status(key) {
      const entry = cache.get(key)
      if (entry === undefined || clock.now() >= entry.recentUntil) return ABSENT
      if (entry.verdict.session.expiresAt <= clock.wall()) return ABSENT
      return entry.rejected ? REJECTED : { kind: 'verified', session: entry.verdict.session }
    },
    load: (key, request) =>
      cache.load(key, {
        fresh: request.fresh === true,
        load: request.load,
        ...(request.waiter === undefined ? {} : { waiter: request.waiter }),
        toEntry: finding => {
          checkClocks()
          return entryAfterLoad(key, finding, request)
        },
      }),
    checkClocks,
    isHeldOff: revocationIndex.isHeldOff,
    findByCredential: revocationIndex.findByCredential,
    clear: cache.clear,
    revoke(event) {
      const evicted = revocationIndex.revoke(event)
      for (const { key } of evicted) cache.evict(key)
      // A load in flight may turn out to belong to a revoked session, so no later request joins it. When it ends its session
      // is known, and `isHeldOff` decides whether it is cached. Otherwise anyone could keep all sessions from being cached by
      // ending invented ones. A revocation of everything has no holdoff.
      if (event.kind === 'everything') cache.abandonInFlight()
      else cache.stopJoining()
      return evicted
    },
    get size() {
      return cache.size
    },
    get bytes() {
      return cache.bytes
    },
  }
}
