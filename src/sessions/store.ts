/** sessions/store — credential → verdict: memory first, then Kratos, one call for many who wait. Knows no rule, no HTTP and no YAML. */
import type { Awaitable } from '../access/after.ts'
import type { RequestView } from '../access/request.ts'
import type { Header } from '../access/session.ts'
import type { CacheState, Credential, Verdict } from '../access/verdict.ts'
import type { HeaderPair } from '../clients/http.ts'
import type { Whoami } from '../clients/kratos.ts'
import { type Cache, createCache } from '../lib/cache.ts'
import { between, type Clock, type Instant, later, type Millis, millis } from '../lib/duration.ts'
import { createTupleHash, encodePart } from '../lib/tuple_hash.ts'
import { lifetime, share } from './lifetime.ts'
import { createRevocationIndex, type News, type Remembered, type Revoked } from './revocation.ts'
import { type Finding, readWhoami } from './verdict.ts'

/** Where whoami is asked; the same shape as handlers ask with. Unequal endpoints share nothing (C4, C7). */
export interface Endpoint {
  readonly whoamiUrl: string
  readonly headers: readonly Header[]
  /** The rule's own bound; `undefined` is the service's, 0 neither reads nor fills the memory. */
  readonly maxAge: Millis | undefined
}

export interface SessionsParts {
  readonly clock: Clock
  /** Ends by itself, whoever waits. */
  readonly whoami: Whoami
  /** Longest time that a verified session is believed: how long a logout may go unseen. */
  readonly maxAge: Millis
  readonly maxEntries: number
  /** How long after that time a session still counts while Kratos cannot be asked; 0: not at all. */
  readonly grace: Millis
  /** How long a revoked session is not remembered although Kratos says that it lives: news may be ahead of its commit. */
  readonly hold: Millis
  /** Of this process; keys the memory. */
  readonly secret: Uint8Array
  /** In [0, 1). */
  readonly random: () => number
}

export interface Sessions {
  /** Never rejects. A session that is remembered is answered at once, without a promise. */
  verify(
    endpoint: Endpoint,
    credential: Credential,
    request: RequestView,
    options?: { readonly fresh?: boolean; readonly stale?: boolean },
  ): Awaitable<Verdict>
  /** Forgets everything; what is under way is not kept either (C24). */
  clear(): void
  /** From now on nobody is let in by what was asked before; Kratos is asked anew. Returns how many entries went. */
  revoke(revoked: Revoked): number
  readonly size: number
}

interface Kept extends Remembered {
  /** Ready to be handed out; carries no Set-Cookie. */
  readonly hit: Verdict & { readonly kind: 'verified' }
  readonly share: number
  /** Until then it answers by itself; afterwards only where Kratos cannot. */
  readonly freshUntil: Instant
}

/** Between the two clocks, in milliseconds; more is a jump and empties the memory (C22). */
const LARGEST_DRIFT = 2_000
const NO_HEADERS: readonly Header[] = Object.freeze([])
const TOO_LATE: Verdict = Object.freeze({ kind: 'unavailable', why: 'Kratos did not answer in time' })
const ACCIDENT: Finding = Object.freeze({ kind: 'unavailable', why: 'the session could not be checked' })

export function createSessions(parts: SessionsParts): Sessions {
  const { clock, whoami } = parts
  const index = createRevocationIndex<Kept>(clock, parts.hold)
  const cache: Cache<Finding, Kept> = createCache({
    clock,
    entries: parts.maxEntries,
    came: (_key, kept) => index.add(kept),
    gone: (_key, kept) => index.remove(kept),
  })
  const keyOf = createTupleHash(parts.secret)
  const endpoints = new WeakMap<Endpoint, string>()
  let drift = clock.wall() - clock.now()

  function watchClocks(): void {
    const now = clock.wall() - clock.now()
    if (Math.abs(now - drift) > LARGEST_DRIFT) cache.clear()
    drift = now
  }

  /** C6: an endpoint is spelled out once, a credential each time. */
  function keyFor(endpoint: Endpoint, { kind, name, value }: Credential): string {
    let where = endpoints.get(endpoint)
    if (where === undefined) {
      where = encodePart([endpoint.whoamiUrl, endpoint.headers.map(header => [header.name, header.value])])
      endpoints.set(endpoint, where)
    }
    return keyOf([where, kind, name, value])
  }

  /** Of a credential alone: whoever revokes it knows no endpoint. */
  const markOf = (value: string): string => keyOf(['credential', value])

  function remembered(key: string, maxAge: Millis | undefined): Verdict | undefined {
    const kept = cache.get(key)
    if (kept === undefined || kept.freshUntil <= clock.now()) return undefined
    if (kept.hit.session.expiresAt <= clock.wall()) return undefined
    const age = between(kept.askedAt, clock.now())
    return maxAge !== undefined && age >= maxAge * kept.share ? undefined : kept.hit
  }

  function keep(finding: Finding, key: string, value: string, askedAt: Instant, maxAge: Millis | undefined) {
    // An explicit no ends what is remembered (C26); not having found out does not.
    if (finding.kind === 'rejected' || finding.kind === 'second factor') return 'drop' as const
    if (finding.kind !== 'verified' || maxAge === 0) return undefined
    const { session, cacheFor } = finding
    const mark = markOf(value)
    if (index.held({ session, mark, askedAt })) return 'drop' as const
    const random = parts.random()
    const bounds = { ceiling: parts.maxAge, expiresAt: session.expiresAt, cacheFor }
    const ttl = lifetime(bounds, clock.wall(), random)
    const age = between(askedAt, clock.now())
    const hit = Object.freeze({
      kind: 'verified',
      session,
      cache: 'hit',
      responseHeaders: NO_HEADERS,
    } as const)
    if (ttl - age <= 0) return undefined
    const freshUntil = later(askedAt, ttl)
    const kept: Kept = { key, mark, session, askedAt, hit, share: share(random), freshUntil }
    return { value: kept, ttl: millis(ttl - age + parts.grace) }
  }

  /** What was known before Kratos could not be asked: for the grace only, never past the session's own end (C26). */
  function stale(key: string, maxAge: Millis | undefined): Verdict | undefined {
    const kept = parts.grace > 0 && maxAge === undefined ? cache.get(key) : undefined
    if (kept === undefined || kept.hit.session.expiresAt <= clock.wall()) return undefined
    return { ...kept.hit, cache: 'stale' }
  }

  async function ask(endpoint: Endpoint, credential: Credential): Promise<Finding> {
    try {
      const headers = endpoint.headers.map(({ name, value }): HeaderPair => [name, value])
      const answer = await whoami({ url: endpoint.whoamiUrl, headers, credential })
      return readWhoami(answer, credential.name, clock.wall())
    } catch {
      return ACCIDENT
    }
  }

  return {
    verify(endpoint, credential, request, { fresh = false, stale: mayBeStale = !fresh } = {}) {
      const { maxAge } = endpoint
      watchClocks()
      const key = keyFor(endpoint, credential)
      if (!fresh && maxAge !== 0) {
        const known = remembered(key, maxAge)
        if (known !== undefined) return known
      }
      const askedAt = clock.now()
      const { answer, joined } = cache.ask(key, {
        fresh,
        ask: () => ask(endpoint, credential),
        keep: finding => {
          watchClocks()
          return keep(finding, key, credential.value, askedAt, maxAge)
        },
      })
      const state: CacheState = joined ? 'shared' : maxAge === 0 ? 'off' : 'miss'
      return until(
        answer.then(finding => verdict(finding, state)),
        between(askedAt, request.deadline),
        () => (mayBeStale ? stale(key, maxAge) : undefined),
      )
    },
    clear: cache.clear,
    revoke(revoked) {
      const news: News =
        revoked.kind === 'credential' ? { kind: 'credential', mark: markOf(revoked.value) } : revoked
      const gone = index.revoke(news)
      for (const { key } of gone) cache.evict(key)
      // Whose session a look-up under way will turn out to be is not known: none of them is kept or joined (C24).
      cache.abandon()
      return gone.length
    },
    get size() {
      return cache.size
    },
  }
}

function verdict(finding: Finding, cache: CacheState): Verdict {
  switch (finding.kind) {
    case 'verified':
      return { kind: 'verified', session: finding.session, cache, responseHeaders: finding.responseHeaders }
    case 'rejected':
      return { kind: 'rejected', cache }
    case 'second factor':
      return { kind: 'second factor', loginUrl: finding.loginUrl, cache }
    default:
      return finding
  }
}

/** One who waits leaves when his own time is over; the flight goes on (C25). */
function until(answer: Promise<Verdict>, left: Millis, instead: () => Verdict | undefined): Promise<Verdict> {
  if (left <= 0) return Promise.resolve(instead() ?? TOO_LATE)
  const { promise, resolve } = Promise.withResolvers<Verdict>()
  const timer = setTimeout(() => resolve(instead() ?? TOO_LATE), Math.min(left, 2_147_483_647))
  void answer.then(verdict => {
    clearTimeout(timer)
    resolve(verdict.kind === 'unavailable' ? (instead() ?? verdict) : verdict)
  })
  return promise
}
