/** sessions/store — credential → verdict: memory first, then Kratos, one call for many who wait. Knows no rule, no HTTP and no YAML. */
import type { Awaitable } from '../access/awaitable.ts'
import type { RequestView } from '../access/request.ts'
import type { Header } from '../access/session.ts'
import type { CacheState, Credential, Verdict, VerifiedSession } from '../access/verdict.ts'
import type { HeaderPair } from '../clients/http/message.ts'
import type { Whoami } from '../clients/kratos.ts'
import { createTupleHash, encodePart } from '../lib/key_hash.ts'
import { between, type Clock, type Instant, type Millis, millis } from '../lib/time.ts'
import { within } from '../lib/with_timeout.ts'
import { createHopeless } from './cache/negative_cache.ts'
import { createMemory } from './cache/session_cache.ts'
import { createStaleness } from './cache/staleness.ts'
import type { Probe } from './kratos/probe.ts'
import type { GateLimits, GateNews } from './kratos/upstream.ts'
import { createGates, type GatesCondition } from './kratos/upstreams.ts'
import { verdictOf } from './kratos/whoami_response.ts'
import type { SharedShelf } from './replication/shared_cache.ts'
import { createSharing } from './replication/sharing.ts'
import type { Finding, Kept, News, Place, Revoked, Told } from './types.ts'

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
  /** The last part of a session's time in memory, 0 to 1, in which a request renews it beside itself. Default 0: never. */
  readonly refreshAhead?: number
  /** How long, and how many, refused credentials are refused again without a question. Default: none. */
  readonly hopeless?: { readonly ttl: Millis; readonly entries: number }
  /** Of each Kratos. */
  readonly limits?: Partial<GateLimits>
  /** How to tell an ended session from a sick Kratos, by whoami URL. Default: not at all. */
  readonly probeFor?: (whoamiUrl: string) => Probe | undefined
  readonly tell?: (news: SessionsNews) => void
  /** What other replicas know. Default: there are none, or none that share. */
  readonly shared?: SharedShelf | undefined
}

export type SessionsNews =
  | GateNews
  | { readonly kind: 'renewal'; readonly outcome: 'renewed' | 'ended' | 'failed' | 'skipped' }

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
  /** From now on nobody is let in by what was asked before; Kratos is asked anew. */
  revoke(revoked: Revoked): Told
  /** The same for news of another replica. Its `news` is what is known here and might not be there. */
  hear(news: News): Told
  /** Whose a credential is, as far as it is remembered; asks nobody. */
  ownerOf(value: string): VerifiedSession | undefined
  readonly size: number
  /** What metrics read. */
  readonly condition: Condition
}

export interface Condition extends GatesCondition {
  /** Age of the oldest answer that let somebody in during the last one to two minutes. */
  readonly worstStaleness: Millis
}

const TOO_LATE: Verdict = Object.freeze({ kind: 'unavailable', why: 'Kratos did not answer in time' })
const ACCIDENT: Finding = Object.freeze({ kind: 'unavailable', why: 'the session could not be checked' })
const REFUSED_AGAIN: Verdict = Object.freeze({ kind: 'rejected', cache: 'negative' })

export function createSessions(parts: SessionsParts): Sessions {
  const { clock, whoami, random, shared, refreshAhead = 0, tell = () => {} } = parts
  const memory = createMemory({ ...parts, refreshAhead })
  const hopeless = createHopeless({ clock, ...(parts.hopeless ?? { ttl: millis(0), entries: 1 }) })
  const staleness = createStaleness(clock)
  const keyOf = createTupleHash(parts.secret)
  const sharing = createSharing({ clock, memory, keyOf, shared, ceiling: parts.maxAge })
  const spelled = new WeakMap<Endpoint, { readonly text: string; readonly place: Place }>()
  const gates = createGates({ clock, random, whoami, limits: parts.limits, probeFor: parts.probeFor, tell })
  const mostRenewals = Math.max(1, Math.floor(gates.places / 4))
  let renewals = 0

  function spell(endpoint: Endpoint) {
    let known = spelled.get(endpoint)
    if (known === undefined) {
      const headers = endpoint.headers.map(({ name, value }): HeaderPair => [name, value])
      known = {
        text: encodePart([endpoint.whoamiUrl, headers]),
        place: { whoamiUrl: endpoint.whoamiUrl, headers },
      }
      spelled.set(endpoint, known)
    }
    return known
  }

  /** C6: an endpoint is spelled out once, a credential each time. */
  const keyFor = (endpoint: Endpoint, { kind, name, value }: Credential): string =>
    keyOf([spell(endpoint).text, kind, name, value])

  async function ask(
    endpoint: Endpoint,
    credential: Credential,
    key: string,
    address: string,
  ): Promise<Finding> {
    try {
      const gate = gates.to(endpoint.whoamiUrl)
      const standing = () => memory.standing(key)
      const finding = await gate.ask({ place: spell(endpoint).place, credential, address, standing })
      if (finding.kind === 'rejected' && endpoint.maxAge !== 0 && standing().kind === 'unknown')
        hopeless.add(key)
      return finding
    } catch {
      return ACCIDENT
    }
  }

  /** What another replica knows, else what Kratos says. */
  async function lookUp(
    endpoint: Endpoint,
    credential: Credential,
    key: string,
    address: string,
  ): Promise<Finding> {
    const said = memory.standing(key).kind === 'ended'
    const found = said ? undefined : await sharing.find(spell(endpoint).text, credential)
    return found ?? ask(endpoint, credential, key, address)
  }

  /** Nobody waits for it: what is remembered goes on until its time is over, unless there is something better. */
  function renew(endpoint: Endpoint, credential: Credential, key: string, address: string): void {
    if (renewals >= mostRenewals) {
      tell({ kind: 'renewal', outcome: 'skipped' })
      return
    }
    renewals++
    const { answer } = memory.ask(key, {
      ...sharing.begin(spell(endpoint).text, credential, endpoint.maxAge),
      ask: () => ask(endpoint, credential, key, address),
      renewal: true,
    })
    void answer.then(({ kind }) => {
      renewals--
      const outcome =
        kind === 'verified' ? 'renewed' : kind === 'rejected' || kind === 'second factor' ? 'ended' : 'failed'
      tell({ kind: 'renewal', outcome })
    })
  }

  function handOut(kept: Kept, now: Instant): Verdict & { kind: 'verified' } {
    staleness.saw(between(kept.askedAt, now), now)
    return kept.hit
  }

  const verify: Sessions['verify'] = (endpoint, credential, request, options = {}) => {
    const { fresh = false, stale: mayBeStale = !fresh } = options
    const { maxAge } = endpoint
    const now = memory.watchClocks()
    const key = keyFor(endpoint, credential)
    if (!fresh && maxAge !== 0) {
      const kept = memory.recall(key, maxAge, now)
      if (kept !== undefined) {
        if (memory.isDue(kept, maxAge, now)) renew(endpoint, credential, key, request.remoteAddress)
        return handOut(kept, now)
      }
      if (hopeless.has(key) && gates.to(endpoint.whoamiUrl).believes) return REFUSED_AGAIN
    }
    const begun = sharing.begin(spell(endpoint).text, credential, maxAge)
    const find = shared === undefined || fresh || maxAge === 0 ? ask : lookUp
    const { answer, joined } = memory.ask(key, {
      ...begun,
      ask: () => find(endpoint, credential, key, request.remoteAddress),
      fresh,
    })
    const state: CacheState = joined ? 'shared' : maxAge === 0 ? 'off' : 'miss'
    const instead = (): Verdict | undefined => {
      const kept = mayBeStale ? memory.stale(key, maxAge) : undefined
      return kept === undefined ? undefined : { ...handOut(kept, clock.now()), cache: 'stale' }
    }
    const verdict = answer.then(finding =>
      // Whoever joined may want a younger answer than the one who began.
      sharing.isTooOld(finding, maxAge)
        ? verify(endpoint, credential, request, { fresh: true, stale: mayBeStale })
        : verdictOf(finding, state),
    )
    return inTime(verdict, between(begun.askedAt, request.deadline), instead)
  }

  function hear(news: News): Told {
    const gone = memory.revoke(news)
    // Others may know the session of a credential by another value of it.
    const ids = news.kind === 'credential' ? new Set(gone.map(({ session }) => session.id)) : []
    return { evicted: gone.length, news: [...ids].map(id => ({ kind: 'session', id })) }
  }

  return {
    verify,
    hear,
    clear() {
      memory.clear()
      hopeless.clear()
    },
    revoke(revoked) {
      const first: News =
        revoked.kind === 'credential'
          ? { kind: 'credential', marks: sharing.marksOf(revoked.value) }
          : revoked
      const { evicted, news } = hear(first)
      // In this order: who has heard of the session finds nothing more with its credential.
      return { evicted, news: [...news, first] }
    },
    ownerOf: value => memory.find(sharing.marksOf(value)[0])?.session,
    get size() {
      return memory.size
    },
    get condition(): Condition {
      return { ...gates.condition, worstStaleness: staleness.worst }
    },
  }
}

/** One who waits leaves when his own time is over; the flight goes on (C25). */
async function inTime(answer: Promise<Verdict>, left: Millis, instead: () => Verdict | undefined) {
  const verdict = await within(answer, left, TOO_LATE)
  return verdict.kind === 'unavailable' ? (instead() ?? verdict) : verdict
}
