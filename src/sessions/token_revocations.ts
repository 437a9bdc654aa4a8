/** Records revocations for JWTs that name a session: Kratos cannot be asked about such a token. */
import type { JsonObject } from '../access/session.ts'
import type { Clock, Millis } from '../lib/time.ts'
import type { RevocableEntry, RevocationEvent } from './types.ts'

export interface TokenRevocations {
  /** `evicted`: the cached entries that the event affects. */
  record(event: RevocationEvent, evicted: readonly RevocableEntry[]): void
  /**
   * Whether verified claims name a session (`sid`) that was revoked after the token was issued. A token that Kratos issues
   * later is accepted, so a revocation that was wrong or early ends no session.
   */
  isTokenRevoked(claims: JsonObject): boolean
}

interface Revocation {
  /** Tokens that were issued until then are rejected, wall clock in ms. */
  readonly until: number
  /** The one session of the identity whose tokens stay valid. */
  readonly keptSessionId: string | undefined
}

/** Bounds memory under a flood of revocations, to about 15 MB; beyond it the oldest is dropped. */
const MAX_REVOCATIONS = 100_000
/** Assumed maximum difference between our clock and that of Kratos, ms. */
const MAX_CLOCK_SKEW_MS = 2_000

/**
 * `holdoff`: maximum time from the revocation of a session to its commit in Kratos, which issues tokens meanwhile. There is none
 * for all sessions of an identity: Credence also revokes them when a user opens the login or settings, where they continue.
 */
export function createTokenRevocations(clock: Pick<Clock, 'wall'>, holdoff: Millis): TokenRevocations {
  const sessions = new Map<string, Revocation>()
  const identities = new Map<string, Revocation>()
  const sessionHoldoff = Math.max(holdoff, MAX_CLOCK_SKEW_MS)

  function add(revocations: Map<string, Revocation>, id: string, until: number, keep?: string): void {
    const earlier = revocations.get(id)
    // Without the later time a revocation of the identity would undo the holdoff of its session.
    const latest = Math.max(until, earlier?.until ?? 0)
    const keptSessionId = earlier === undefined || earlier.keptSessionId === keep ? keep : undefined
    revocations.delete(id)
    revocations.set(id, { until: latest, keptSessionId })
    if (revocations.size <= MAX_REVOCATIONS) return
    const [oldest] = revocations.keys()
    if (oldest !== undefined) revocations.delete(oldest)
  }

  return {
    record(event, evicted) {
      const now = clock.wall()
      if (event.kind === 'identity') add(identities, event.id, now, event.keep)
      if (event.kind === 'session') add(sessions, event.id, now + sessionHoldoff)
      // A token may name the identity by another id (`subject_source`), so the sessions that are known count by their own.
      const until = event.kind === 'credential' ? now + sessionHoldoff : now
      for (const { session } of evicted) add(sessions, session.id, until)
    },
    isTokenRevoked(claims) {
      const { sid, sub, iat } = claims
      if (typeof sid !== 'string') return false
      const issuedAt = typeof iat === 'number' ? iat * 1000 : Number.NEGATIVE_INFINITY
      const revoked = sessions.get(sid)
      if (revoked !== undefined && issuedAt <= revoked.until) return true
      const all = typeof sub === 'string' ? identities.get(sub) : undefined
      return all !== undefined && all.keptSessionId !== sid && issuedAt <= all.until
    },
  }
}
