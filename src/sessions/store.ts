/** sessions/store — credential → verdict: memory first, then Kratos, one call for many who wait. Knows no rule, no HTTP and no YAML. */
import type { Awaitable } from '../access/after.ts'
import type { RequestView } from '../access/request.ts'
import type { Header } from '../access/session.ts'
import type { CacheState, Credential, Verdict } from '../access/verdict.ts'
import type { HeaderPair } from '../clients/http.ts'
import type { Whoami } from '../clients/kratos.ts'
import { between, type Clock, type Instant, type Millis, millis } from '../lib/duration.ts'
import { createTupleHash, encodePart } from '../lib/tuple_hash.ts'
import { within } from '../lib/within.ts'
import type { BreakerState } from './breaker.ts'
import { createGate, type Gate, type GateLimits, type GateNews } from './gate.ts'
import { createMemory, type Kept } from './memory.ts'
import type { Place, Probe } from './probe.ts'
import { createHopeless } from './refusals.ts'
import type { News, Revoked } from './revocation.ts'
import { createStaleness } from './staleness.ts'
import { type Finding, verdictOf } from './verdict.ts'

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
  /** From now on nobody is let in by what was asked before; Kratos is asked anew. Returns how many entries went. */
  revoke(revoked: Revoked): number
  readonly size: number
  /** What metrics read. */
  readonly condition: Condition
}

export interface Condition {
  /** Of the Kratos that is worst off. */
  readonly breaker: BreakerState
  /** Questions to Kratos under way, and those that wait for their turn. */
  readonly asked: number
  readonly waiting: number
  /** Age of the oldest answer that let somebody in during the last one to two minutes. */
  readonly worstStaleness: Millis
}

const USUAL: GateLimits = {
  places: 32,
  waiting: 1_000,
  failureRatio: 0.5,
  failureMinimum: 20,
  openFor: millis(2_000),
  doubtBurst: 10,
  longestDoubt: millis(60_000),
  refusalBurst: 1_000,
  refusalsPerSecond: 100,
}
/** More Kratos than anybody has; a rule set that names others again and again does not fill memory. */
const MOST_GATES = 256
const TOO_LATE: Verdict = Object.freeze({ kind: 'unavailable', why: 'Kratos did not answer in time' })
const ACCIDENT: Finding = Object.freeze({ kind: 'unavailable', why: 'the session could not be checked' })
const REFUSED_AGAIN: Verdict = Object.freeze({ kind: 'rejected', cache: 'negative' })

export function createSessions(parts: SessionsParts): Sessions {
  const { clock, whoami, random, refreshAhead = 0, tell = () => {} } = parts
  const limits = { ...USUAL, ...parts.limits }
  const memory = createMemory({ ...parts, refreshAhead })
  const hopeless = createHopeless({ clock, ...(parts.hopeless ?? { ttl: millis(0), entries: 1 }) })
  const staleness = createStaleness(clock)
  const keyOf = createTupleHash(parts.secret)
  const spelled = new WeakMap<Endpoint, { readonly text: string; readonly place: Place }>()
  const gates = new Map<string, Gate>()
  const mostRenewals = Math.max(1, Math.floor(limits.places / 4))
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

  /** Of a credential alone: whoever revokes it knows no endpoint. */
  const markOf = (value: string): string => keyOf(['credential', value])

  function gateTo(whoamiUrl: string): Gate {
    let gate = gates.get(whoamiUrl)
    if (gate === undefined) {
      const [oldest] = gates.keys()
      if (oldest !== undefined && gates.size >= MOST_GATES) gates.delete(oldest)
      gate = createGate({ clock, random, whoami, limits, probe: parts.probeFor?.(whoamiUrl), tell })
      gates.set(whoamiUrl, gate)
    }
    return gate
  }

  async function ask(
    endpoint: Endpoint,
    credential: Credential,
    key: string,
    address: string,
  ): Promise<Finding> {
    try {
      const gate = gateTo(endpoint.whoamiUrl)
      const standing = () => memory.standing(key)
      const finding = await gate.ask({ place: spell(endpoint).place, credential, address, standing })
      if (finding.kind === 'rejected' && endpoint.maxAge !== 0 && standing().kind === 'unknown')
        hopeless.add(key)
      return finding
    } catch {
      return ACCIDENT
    }
  }

  /** Nobody waits for it: what is remembered goes on until its time is over, unless there is something better. */
  function renew(endpoint: Endpoint, credential: Credential, key: string, address: string): void {
    if (renewals >= mostRenewals) {
      tell({ kind: 'renewal', outcome: 'skipped' })
      return
    }
    renewals++
    const { answer } = memory.ask(key, {
      ask: () => ask(endpoint, credential, key, address),
      askedAt: clock.now(),
      mark: () => markOf(credential.value),
      maxAge: endpoint.maxAge,
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

  return {
    verify(endpoint, credential, request, { fresh = false, stale: mayBeStale = !fresh } = {}) {
      const { maxAge } = endpoint
      const now = memory.watchClocks()
      const key = keyFor(endpoint, credential)
      if (!fresh && maxAge !== 0) {
        const kept = memory.recall(key, maxAge, now)
        if (kept !== undefined) {
          if (memory.isDue(kept, maxAge, now)) renew(endpoint, credential, key, request.remoteAddress)
          return handOut(kept, now)
        }
        if (hopeless.has(key) && gateTo(endpoint.whoamiUrl).believes) return REFUSED_AGAIN
      }
      const askedAt = clock.now()
      const { answer, joined } = memory.ask(key, {
        ask: () => ask(endpoint, credential, key, request.remoteAddress),
        askedAt,
        mark: () => markOf(credential.value),
        maxAge,
        fresh,
      })
      const state: CacheState = joined ? 'shared' : maxAge === 0 ? 'off' : 'miss'
      const instead = (): Verdict | undefined => {
        const kept = mayBeStale ? memory.stale(key, maxAge) : undefined
        return kept === undefined ? undefined : { ...handOut(kept, clock.now()), cache: 'stale' }
      }
      const verdict = answer.then(finding => verdictOf(finding, state))
      return inTime(verdict, between(askedAt, request.deadline), instead)
    },
    clear() {
      memory.clear()
      hopeless.clear()
    },
    revoke(revoked) {
      const news: News =
        revoked.kind === 'credential' ? { kind: 'credential', mark: markOf(revoked.value) } : revoked
      return memory.revoke(news).length
    },
    get size() {
      return memory.size
    },
    get condition(): Condition {
      const all = [...gates.values()]
      const worst = (['open', 'half open'] as const).find(state => all.some(gate => gate.state === state))
      return {
        breaker: worst ?? 'closed',
        asked: all.reduce((sum, gate) => sum + gate.asked, 0),
        waiting: all.reduce((sum, gate) => sum + gate.waiting, 0),
        worstStaleness: staleness.worst,
      }
    },
  }
}

/** One who waits leaves when his own time is over; the flight goes on (C25). */
async function inTime(answer: Promise<Verdict>, left: Millis, instead: () => Verdict | undefined) {
  const verdict = await within(answer, left, TOO_LATE)
  return verdict.kind === 'unavailable' ? (instead() ?? verdict) : verdict
}
