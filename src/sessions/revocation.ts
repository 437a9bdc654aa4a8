/** sessions/revocation — which remembered answers belong to a session or an identity, and which sessions may not be remembered for a while. Knows keys, no credential and no cache. */
import type { VerifiedSession } from '../access/verdict.ts'
import { type Clock, type Instant, later, type Millis } from '../lib/duration.ts'

/** Whose sessions end: one session's, all of an identity's, or everybody's. */
export type Revoked =
  | { readonly kind: 'session'; readonly id: string }
  | { readonly kind: 'identity'; readonly id: string }
  | { readonly kind: 'everything' }

export interface RevocationIndex {
  /** A session has any number of cookie values, an identity any number of sessions (kratos 2.8). */
  add(key: string, session: VerifiedSession): void
  remove(key: string, session: VerifiedSession): void
  /** Keys of what was remembered; from now on its sessions are held for a while. */
  revoke(revoked: Revoked & { readonly id: string }): readonly string[]
  /** The news may be ahead of Kratos' own commit: what it says of such a session in the meantime is not kept (3.3). */
  held(session: VerifiedSession): boolean
}

/** Most ids that are held at a time; beyond it the oldest goes, which a flood of news cannot turn into memory. */
const MOST_HELD = 100_000

export function createRevocationIndex(clock: Pick<Clock, 'now'>, hold: Millis): RevocationIndex {
  const bySession = new Map<string, Set<string>>()
  const byIdentity = new Map<string, Set<string>>()
  /** Id of a session or an identity → until when. In order of arrival. */
  const holds = new Map<string, Instant>()

  function put(index: Map<string, Set<string>>, id: string, key: string): void {
    const keys = index.get(id)
    if (keys === undefined) index.set(id, new Set([key]))
    else keys.add(key)
  }

  function take(index: Map<string, Set<string>>, id: string, key: string): void {
    const keys = index.get(id)
    keys?.delete(key)
    if (keys?.size === 0) index.delete(id)
  }

  function forgetOver(): void {
    for (const [id, until] of holds) {
      if (until > clock.now() && holds.size <= MOST_HELD) return
      holds.delete(id)
    }
  }

  return {
    add(key, { id, identityId }) {
      put(bySession, id, key)
      put(byIdentity, identityId, key)
    },
    remove(key, { id, identityId }) {
      take(bySession, id, key)
      take(byIdentity, identityId, key)
    },
    revoke({ kind, id }) {
      holds.delete(id)
      holds.set(id, later(clock.now(), hold))
      forgetOver()
      return [...((kind === 'session' ? bySession : byIdentity).get(id) ?? [])]
    },
    held({ id, identityId }) {
      const until = Math.max(holds.get(id) ?? 0, holds.get(identityId) ?? 0)
      return until > clock.now()
    },
  }
}
