/** sessions/store — credential → verdict: memory first, then Kratos, one call for many who wait. Knows no rule, no HTTP and no YAML. */
import type { Awaitable } from '../access/awaitable.ts'
import type { RequestView } from '../access/request.ts'
import type { Header } from '../access/session.ts'
import type { CacheResult, Credential, Verdict, VerifiedSession } from '../access/verdict.ts'
import type { HeaderPair } from '../clients/http/message.ts'
import type { Whoami } from '../clients/kratos.ts'
import { createKeyHash, encodeKeyPart } from '../lib/key_hash.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../lib/time.ts'
import { withTimeout } from '../lib/with_timeout.ts'
import { createNegativeCache } from './cache/negative_cache.ts'
import { createSessionCache } from './cache/session_cache.ts'
import { createStalenessTracker } from './cache/staleness.ts'
import type { Probe } from './kratos/probe.ts'
import type { KratosUpstreamEvent, KratosUpstreamOptions } from './kratos/upstream.ts'
import { createKratosUpstreams, type KratosUpstreamsStatus } from './kratos/upstreams.ts'
import { toVerdict } from './kratos/whoami_response.ts'
import type { SharedCache } from './replication/shared_cache.ts'
import { createSharedLookups } from './replication/sharing.ts'
import type {
  CachedSession,
  Finding,
  RevocationEvent,
  RevocationResult,
  RevocationTarget,
  WhoamiEndpoint,
} from './types.ts'

/** Where whoami is asked; the same shape as handlers ask with. Unequal endpoints share nothing (C4, C7). */
export interface SessionEndpoint {
  readonly whoamiUrl: string
  readonly headers: readonly Header[]
  /** The rule's own bound; `undefined` is the service's, 0 neither reads nor fills the memory. */
  readonly maxAge: Millis | undefined
}

export interface SessionVerifierDependencies {
  readonly clock: Clock
  /** Ends by itself, whoever waits. */
  readonly whoami: Whoami
  /** Longest time that a verified session is believed: how long a logout may go unseen. */
  readonly maxAge: Millis
  readonly maxEntries: number
  /** How long after that time a session still counts while Kratos cannot be asked; 0: not at all. */
  readonly staleIfError: Millis
  /** How long a revoked session is not remembered although Kratos says that it lives: news may be ahead of its commit. */
  readonly holdoff: Millis
  /** Of this process; keys the memory. */
  readonly secret: Uint8Array
  /** In [0, 1). */
  readonly random: () => number
  /** The last part of a session's time in memory, 0 to 1, in which a request renews it beside itself. Default 0: never. */
  readonly refreshAhead?: number
  /** How long, and how many, refused credentials are refused again without a question. Default: none. */
  readonly negativeCache?: { readonly ttl: Millis; readonly entries: number }
  /** Of each Kratos. */
  readonly upstreamOptions?: Partial<KratosUpstreamOptions>
  /** How to tell an ended session from a sick Kratos, by whoami URL. Default: not at all. */
  readonly probeFor?: (whoamiUrl: string) => Probe | undefined
  readonly onEvent?: (news: SessionEvent) => void
  /** What other replicas know. Default: there are none, or none that share. */
  readonly sharedCache?: SharedCache | undefined
}

export type SessionEvent =
  | KratosUpstreamEvent
  | { readonly kind: 'renewal'; readonly outcome: 'renewed' | 'ended' | 'failed' | 'skipped' }

export interface SessionVerifier {
  /** Never rejects. A session that is remembered is answered at once, without a promise. */
  verify(
    endpoint: SessionEndpoint,
    credential: Credential,
    request: RequestView,
    options?: { readonly fresh?: boolean; readonly stale?: boolean },
  ): Awaitable<Verdict>
  /** Forgets everything; what is under way is not kept either (C24). */
  clear(): void
  /** From now on nobody is let in by what was asked before; Kratos is asked anew. */
  revoke(revoked: RevocationTarget): RevocationResult
  /** The same for news of another replica. Its `news` is what is known here and might not be there. */
  applyRevocation(news: RevocationEvent): RevocationResult
  /** Whose a credential is, as far as it is remembered; asks nobody. */
  findOwner(value: string): VerifiedSession | undefined
  readonly size: number
  /** What metrics read. */
  readonly status: SessionsStatus
}

export interface SessionsStatus extends KratosUpstreamsStatus {
  /** Age of the oldest answer that let somebody in during the last one to two minutes. */
  readonly worstStaleness: Millis
}

const DEADLINE_EXCEEDED: Verdict = Object.freeze({
  kind: 'unavailable',
  why: 'Kratos did not answer in time',
})
const UNEXPECTED_ERROR: Finding = Object.freeze({
  kind: 'unavailable',
  why: 'the session could not be checked',
})
const NEGATIVE_HIT: Verdict = Object.freeze({ kind: 'rejected', cache: 'negative' })

export function createSessionVerifier(parts: SessionVerifierDependencies): SessionVerifier {
  const { clock, whoami, random, sharedCache, refreshAhead = 0, onEvent = () => {} } = parts
  const cache = createSessionCache({ ...parts, refreshAhead })
  const negativeCache = createNegativeCache({
    clock,
    ...(parts.negativeCache ?? { ttl: millis(0), entries: 1 }),
  })
  const staleness = createStalenessTracker(clock)
  const keyOf = createKeyHash(parts.secret)
  const lookups = createSharedLookups({ clock, cache, keyOf, sharedCache, maxAge: parts.maxAge })
  const describedEndpoints = new WeakMap<
    SessionEndpoint,
    { readonly text: string; readonly place: WhoamiEndpoint }
  >()
  const upstreams = createKratosUpstreams({
    clock,
    random,
    whoami,
    options: parts.upstreamOptions,
    probeFor: parts.probeFor,
    onEvent,
  })
  const maxRefreshes = Math.max(1, Math.floor(upstreams.maxConcurrentRequests / 4))
  let refreshes = 0

  function describeEndpoint(endpoint: SessionEndpoint) {
    let known = describedEndpoints.get(endpoint)
    if (known === undefined) {
      const headers = endpoint.headers.map(({ name, value }): HeaderPair => [name, value])
      known = {
        text: encodeKeyPart([endpoint.whoamiUrl, headers]),
        place: { whoamiUrl: endpoint.whoamiUrl, headers },
      }
      describedEndpoints.set(endpoint, known)
    }
    return known
  }

  /** C6: an endpoint is spelled out once, a credential each time. */
  const cacheKeyFor = (endpoint: SessionEndpoint, { kind, name, value }: Credential): string =>
    keyOf([describeEndpoint(endpoint).text, kind, name, value])

  async function callKratos(
    endpoint: SessionEndpoint,
    credential: Credential,
    key: string,
    address: string,
  ): Promise<Finding> {
    try {
      const upstream = upstreams.forUrl(endpoint.whoamiUrl)
      const status = () => cache.status(key)
      const finding = await upstream.call({
        endpoint: describeEndpoint(endpoint).place,
        credential,
        clientAddress: address,
        cacheStatus: status,
      })
      if (finding.kind === 'rejected' && endpoint.maxAge !== 0 && status().kind === 'unknown')
        negativeCache.add(key)
      return finding
    } catch {
      return UNEXPECTED_ERROR
    }
  }

  /** What another replica knows, else what Kratos says. */
  async function lookUp(
    endpoint: SessionEndpoint,
    credential: Credential,
    key: string,
    address: string,
  ): Promise<Finding> {
    const rejectedBefore = cache.status(key).kind === 'ended'
    const found = rejectedBefore
      ? undefined
      : await lookups.findShared(describeEndpoint(endpoint).text, credential)
    return found ?? callKratos(endpoint, credential, key, address)
  }

  /** Nobody waits for it: what is remembered goes on until its time is over, unless there is something better. */
  function refresh(endpoint: SessionEndpoint, credential: Credential, key: string, address: string): void {
    if (refreshes >= maxRefreshes) {
      onEvent({ kind: 'renewal', outcome: 'skipped' })
      return
    }
    refreshes++
    const { promise: answer } = cache.load(key, {
      ...lookups.startLoad(describeEndpoint(endpoint).text, credential, endpoint.maxAge),
      load: () => callKratos(endpoint, credential, key, address),
      isRefresh: true,
    })
    void answer.then(({ kind }) => {
      refreshes--
      const outcome =
        kind === 'verified' ? 'renewed' : kind === 'rejected' || kind === 'second factor' ? 'ended' : 'failed'
      onEvent({ kind: 'renewal', outcome })
    })
  }

  function useEntry(kept: CachedSession, now: Instant): Verdict & { kind: 'verified' } {
    staleness.record(millisBetween(kept.askedAt, now), now)
    return kept.verdict
  }

  const verify: SessionVerifier['verify'] = (endpoint, credential, request, options = {}) => {
    const { fresh = false, stale: allowStale = !fresh } = options
    const { maxAge } = endpoint
    const now = cache.checkClocks()
    const key = cacheKeyFor(endpoint, credential)
    if (!fresh && maxAge !== 0) {
      const kept = cache.get(key, maxAge, now)
      if (kept !== undefined) {
        if (cache.shouldRefresh(kept, maxAge, now)) refresh(endpoint, credential, key, request.remoteAddress)
        return useEntry(kept, now)
      }
      if (negativeCache.has(key) && upstreams.forUrl(endpoint.whoamiUrl).trustsRejections) return NEGATIVE_HIT
    }
    const loadRequest = lookups.startLoad(describeEndpoint(endpoint).text, credential, maxAge)
    const load = sharedCache === undefined || fresh || maxAge === 0 ? callKratos : lookUp
    const { promise: answer, shared: joined } = cache.load(key, {
      ...loadRequest,
      load: () => load(endpoint, credential, key, request.remoteAddress),
      fresh,
    })
    const state: CacheResult = joined ? 'shared' : maxAge === 0 ? 'off' : 'miss'
    const staleVerdict = (): Verdict | undefined => {
      const kept = allowStale ? cache.getStale(key, maxAge) : undefined
      return kept === undefined ? undefined : { ...useEntry(kept, clock.now()), cache: 'stale' }
    }
    const verdict = answer.then(finding =>
      // Whoever joined may want a younger answer than the one who began.
      lookups.isTooOld(finding, maxAge)
        ? verify(endpoint, credential, request, { fresh: true, stale: allowStale })
        : toVerdict(finding, state),
    )
    return withDeadline(verdict, millisBetween(loadRequest.askedAt, request.deadline), staleVerdict)
  }

  function applyRevocation(news: RevocationEvent): RevocationResult {
    const evicted = cache.revoke(news)
    // Others may know the session of a credential by another value of it.
    const ids = news.kind === 'credential' ? new Set(evicted.map(({ session }) => session.id)) : []
    return { evicted: evicted.length, events: [...ids].map(id => ({ kind: 'session', id })) }
  }

  return {
    verify,
    applyRevocation,
    clear() {
      cache.clear()
      negativeCache.clear()
    },
    revoke(revoked) {
      const first: RevocationEvent =
        revoked.kind === 'credential'
          ? { kind: 'credential', marks: lookups.credentialHashes(revoked.value) }
          : revoked
      const { evicted, events: news } = applyRevocation(first)
      // In this order: who has heard of the session finds nothing more with its credential.
      return { evicted, events: [...news, first] }
    },
    findOwner: value => cache.findByCredential(lookups.credentialHashes(value)[0])?.session,
    get size() {
      return cache.size
    },
    get status(): SessionsStatus {
      return { ...upstreams.status, worstStaleness: staleness.worst }
    },
  }
}

/** One who waits leaves when his own time is over; the flight goes on (C25). */
async function withDeadline(answer: Promise<Verdict>, left: Millis, fallback: () => Verdict | undefined) {
  const verdict = await withTimeout(answer, left, DEADLINE_EXCEEDED)
  return verdict.kind === 'unavailable' ? (fallback() ?? verdict) : verdict
}
