/** Verifies session credentials: by the cache, then the shared cache, then Kratos, with one call for concurrent requests. */
import type { Awaitable } from '../access/awaitable.ts'
import type { RequestView } from '../access/request.ts'
import type { CacheResult, Credential, Verdict, VerifiedSession } from '../access/verdict.ts'
import type { Whoami } from '../clients/kratos.ts'
import { createKeyHash } from '../lib/key_hash.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../lib/time.ts'
import { createBackgroundRefresh, type RefreshOutcome } from './background_refresh.ts'
import { createCacheKeys } from './cache/cache_keys.ts'
import { createNegativeCache } from './cache/negative_cache.ts'
import { createSessionCache } from './cache/session_cache.ts'
import { createStalenessTracker } from './cache/staleness_tracker.ts'
import type { Probe } from './kratos/probe.ts'
import type { KratosUpstreamEvent } from './kratos/upstream.ts'
import type { KratosUpstreamOptions } from './kratos/upstream_options.ts'
import { createKratosUpstreams, type KratosUpstreamsStatus } from './kratos/upstreams.ts'
import { toVerdict } from './kratos/whoami_response.ts'
import type { SharedCache } from './replication/shared_cache.ts'
import { createSharedLookups } from './replication/shared_lookups.ts'
import { createTokenRevocations, type TokenRevocations } from './token_revocations.ts'
import type {
  CachedSession,
  Finding,
  RevocationEvent,
  RevocationResult,
  RevocationTarget,
  SessionEndpoint,
} from './types.ts'
import { withDeadline } from './with_deadline.ts'

export interface SessionVerifierDependencies {
  readonly clock: Clock
  /** Must end by its own timeout: a request that leaves does not cancel the call. */
  readonly whoami: Whoami
  /** Maximum freshness lifetime. An unreported logout takes effect after this time at the latest. */
  readonly maxAge: Millis
  readonly maxEntries: number
  /** Maximum size of all cached sessions, estimated. Default: only `maxEntries` counts. */
  readonly maxBytes?: number
  /** How long an entry is used beyond its freshness lifetime while Kratos is unavailable; 0: not at all. */
  readonly staleIfError: Millis
  /** How long a revoked session is not cached again: a revocation may arrive before Kratos has committed it. */
  readonly holdoff: Millis
  /** Random bytes of this process for the cache keys. */
  readonly secret: Uint8Array
  /** In [0, 1). */
  readonly random: () => number
  /** Final share of the freshness lifetime, 0 to 1, in which a request triggers a background refresh. Default 0: never. */
  readonly refreshAhead?: number
  /** Default: no rejections are cached. */
  readonly negativeCache?: { readonly ttl: Millis; readonly maxEntries: number }
  /** For each Kratos. */
  readonly upstreamOptions?: Partial<KratosUpstreamOptions>
  /** Probe that distinguishes an ended session from an outage, by whoami URL. Default: none. */
  readonly probeFor?: (whoamiUrl: string) => Probe | undefined
  readonly onEvent?: (event: SessionEvent) => void
  /** Results of other replicas. Default: none. */
  readonly sharedCache?: SharedCache | undefined
}

export type SessionEvent =
  | KratosUpstreamEvent
  /** A cached session left the cache for a newer one. */
  | { readonly kind: 'eviction' }
  /** Result of a background refresh. */
  | { readonly kind: 'refresh'; readonly outcome: RefreshOutcome }

export interface SessionVerifier extends Pick<TokenRevocations, 'isTokenRevoked'> {
  /** Never rejects. A cached session is returned without a promise. `fresh` skips the cache; `stale` allows stale entries. */
  verify(
    endpoint: SessionEndpoint,
    credential: Credential,
    request: RequestView,
    options?: { readonly fresh?: boolean; readonly stale?: boolean },
  ): Awaitable<Verdict>
  /** Empties all caches. Results of calls in flight are not cached. */
  clear(): void
  /** Evicts the affected sessions. Later requests call Kratos. */
  revoke(target: RevocationTarget): RevocationResult
  /** The same for an event of another replica. Its `events` name sessions that only this replica knows. */
  applyRevocation(event: RevocationEvent): RevocationResult
  /** The session of a credential, if it is cached. Calls nothing. */
  findOwner(value: string): VerifiedSession | undefined
  /** Number of cached sessions, and their estimated size. */
  readonly size: number
  readonly bytes: number
  readonly status: SessionsStatus
}

export interface SessionsStatus extends KratosUpstreamsStatus {
  /** Maximum age of an entry that allowed a request in the last one to two minutes, ms. */
  readonly maxStaleness: Millis
}

const UNEXPECTED_ERROR: Finding = { kind: 'unavailable', reason: 'the session could not be checked' }
const NEGATIVE_HIT: Verdict = Object.freeze({ kind: 'rejected', cache: 'negative' })

interface Lookup {
  readonly endpoint: SessionEndpoint
  readonly credential: Credential
  /** Key of the local cache. */
  readonly key: string
  readonly clientAddress: string
  readonly isWanted: () => boolean
}

export function createSessionVerifier(dependencies: SessionVerifierDependencies): SessionVerifier {
  const { clock, whoami, random, sharedCache, refreshAhead = 0, onEvent = () => {} } = dependencies
  const cache = createSessionCache({
    ...dependencies,
    maxBytes: dependencies.maxBytes ?? Number.MAX_SAFE_INTEGER,
    refreshAhead,
    onEvicted: () => onEvent({ kind: 'eviction' }),
  })
  const { negativeCache: negativeCacheOptions = { ttl: millis(0), maxEntries: 1 } } = dependencies
  const negativeCache = createNegativeCache({ clock, ...negativeCacheOptions })
  const tokenRevocations = createTokenRevocations(clock, dependencies.holdoff)
  const staleness = createStalenessTracker(clock)
  const keyOf = createKeyHash(dependencies.secret)
  const lookups = createSharedLookups({ clock, cache, keyOf, sharedCache, maxAge: dependencies.maxAge })
  const cacheKeys = createCacheKeys(keyOf)
  const { upstreamOptions: options, probeFor } = dependencies
  const upstreams = createKratosUpstreams({ clock, random, whoami, options, probeFor, onEvent })
  const maxRefreshes = Math.max(1, Math.floor(upstreams.maxConcurrentRequests / 4))
  const refreshInBackground = createBackgroundRefresh(maxRefreshes, outcome =>
    onEvent({ kind: 'refresh', outcome }),
  )

  async function callKratos(lookup: Lookup): Promise<Finding> {
    const { endpoint, credential, key, clientAddress, isWanted } = lookup
    try {
      const finding = await upstreams.forUrl(endpoint.whoamiUrl).call({
        endpoint: cacheKeys.describe(endpoint).whoami,
        credential,
        key,
        clientAddress,
        isWanted,
        cacheStatus: () => cache.status(key),
      })
      if (finding.kind === 'rejected' && endpoint.maxAge !== 0 && cache.status(key).kind === 'absent')
        negativeCache.add(key)
      return finding
    } catch {
      return UNEXPECTED_ERROR
    }
  }

  /** The shared cache first, unless Kratos has rejected the credential recently. */
  async function lookUp(lookup: Lookup): Promise<Finding> {
    const { endpoint, credential, key } = lookup
    if (cache.status(key).kind === 'rejected') return callKratos(lookup)
    const found = await lookups.findShared(cacheKeys.describe(endpoint).key, credential)
    return found ?? callKratos(lookup)
  }

  /** Refreshes an entry in the background, by a newer result of another replica or by Kratos. Until then it stays in use. */
  function refresh(entry: CachedSession, lookup: Lookup): void {
    const { endpoint, credential, key } = lookup
    const { key: endpointKey } = cacheKeys.describe(endpoint)
    const loadRequest = lookups.startLoad(endpointKey, credential, endpoint.maxAge)
    const load = async () => (await lookups.findNewer(endpointKey, credential, entry)) ?? callKratos(lookup)
    const request = { ...loadRequest, isRefresh: true, load: sharedCache ? load : () => callKratos(lookup) }
    refreshInBackground(() => cache.load(key, request).promise)
  }

  function useEntry(entry: CachedSession, now: Instant): Verdict & { kind: 'verified' } {
    staleness.record(millisBetween(entry.requestedAt, now), now)
    return entry.verdict
  }

  const verify: SessionVerifier['verify'] = (endpoint, credential, request, options = {}) => {
    const { fresh = false, stale: allowStale = !fresh } = options
    const { maxAge } = endpoint
    const now = cache.checkClocks()
    const key = cacheKeys.keyFor(endpoint, credential)
    const { deadline, remoteAddress: clientAddress } = request
    if (!fresh && maxAge !== 0) {
      const entry = cache.get(key, maxAge, now)
      if (entry !== undefined) {
        if (cache.shouldRefresh(entry, maxAge, now))
          refresh(entry, { endpoint, credential, key, clientAddress, isWanted: () => true })
        return useEntry(entry, now)
      }
      if (negativeCache.has(key) && upstreams.forUrl(endpoint.whoamiUrl).trustsRejections) return NEGATIVE_HIT
    }
    const loadRequest = lookups.startLoad(cacheKeys.describe(endpoint).key, credential, maxAge)
    const load = sharedCache === undefined || fresh || maxAge === 0 ? callKratos : lookUp
    const { promise, shared } = cache.load(key, {
      ...loadRequest,
      load: wantedUntil => {
        const isWanted = () => wantedUntil() > clock.now()
        return load({ endpoint, credential, key, clientAddress, isWanted })
      },
      fresh,
      waiter: request,
    })
    const cacheResult: CacheResult = shared ? 'joined' : maxAge === 0 ? 'off' : 'miss'
    const staleVerdict = (): Verdict | undefined => {
      const entry = allowStale ? cache.getStale(key, maxAge) : undefined
      return entry === undefined ? undefined : { ...useEntry(entry, clock.now()), cache: 'stale' }
    }
    const verdict = promise.then(finding =>
      // This request may have joined a load whose rule accepts older results.
      lookups.isTooOld(finding, maxAge)
        ? verify(endpoint, credential, request, { fresh: true, stale: allowStale })
        : toVerdict(finding, cacheResult),
    )
    return withDeadline(verdict, millisBetween(loadRequest.requestedAt, deadline), staleVerdict)
  }

  function applyRevocation(event: RevocationEvent): RevocationResult {
    const evicted = cache.revoke(event)
    tokenRevocations.record(event, evicted)
    // Other replicas may know the session by another cookie value, so they need its id.
    const ids = event.kind === 'credential' ? new Set(evicted.map(({ session }) => session.id)) : []
    return { evicted: evicted.length, events: [...ids].map(id => ({ kind: 'session', id })) }
  }

  return {
    verify,
    applyRevocation,
    isTokenRevoked: tokenRevocations.isTokenRevoked,
    clear() {
      cache.clear()
      negativeCache.clear()
    },
    revoke(target) {
      const event: RevocationEvent =
        target.kind === 'credential'
          ? { kind: 'credential', credentialHashes: lookups.credentialHashes(target.value) }
          : target
      const { evicted, events } = applyRevocation(event)
      // The session ids go first: a replica that has applied them has nothing left to find by the credential.
      return { evicted, events: [...events, event] }
    },
    findOwner: value => cache.findByCredential(lookups.credentialHashes(value)[0])?.session,
    get size() {
      return cache.size
    },
    get bytes() {
      return cache.bytes
    },
    get status(): SessionsStatus {
      return { ...upstreams.status, maxStaleness: staleness.max }
    },
  }
}
