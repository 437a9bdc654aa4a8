/** sessions/door_watch — forgets sessions when a request to Kratos that ends or changes them is let through, before Kratos hears of it. Knows memory, no rule and no HTTP. */
import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'
import type { Clock } from '../lib/time.ts'
import { createTokenBucket } from '../lib/token_bucket.ts'
import type { SessionChange } from './kratos_public.ts'
import type { RevocationTarget } from './types.ts'

/** Ids of a session and of whom it is of. */
export interface SessionOwner {
  readonly id: string
  readonly identityId: string
}

export interface LogoutObserverDependencies {
  readonly clock: Clock
  readonly readSessionChange: (request: RequestView) => SessionChange | undefined
  /** What memory knows of a credential. */
  readonly findOwner: (value: string) => SessionOwner | undefined
  /** Kratos' answer to the same; absent where it is not known whom to ask. Never rejects. */
  readonly verifyOwner:
    | ((credential: Credential, request: RequestView) => Promise<SessionOwner | undefined>)
    | undefined
  readonly revoke: (revoked: RevocationTarget) => void
  /** A request was let through unnoticed: too many of credentials that are not known here. */
  readonly onSkipped: () => void
}

/** Of credentials that memory does not know. Anybody can send any number of these, and each is news for all replicas. */
const UNKNOWN_CREDENTIAL_LIMIT = { capacity: 100, refillPerSecond: 20 }

/** For a request that may pass, before it does. Never waits, never throws for what a request may contain. */
export function createLogoutObserver(parts: LogoutObserverDependencies): (request: RequestView) => void {
  const unknownCredentials = createTokenBucket({ clock: parts.clock, ...UNKNOWN_CREDENTIAL_LIMIT })

  function tryConsume(): boolean {
    if (unknownCredentials.available < 1) {
      parts.onSkipped()
      return false
    }
    unknownCredentials.consume()
    return true
  }

  function revokeIdentity(owner: SessionOwner, of: 'others' | 'identity'): void {
    const { id, identityId } = owner
    parts.revoke({ kind: 'identity', id: identityId, ...(of === 'others' ? { keep: id } : {}) })
  }

  /** The session goes on after these, so that Kratos can still be asked whose it is, beside the request. */
  function revokeVerifiedOwner(
    credential: Credential,
    request: RequestView,
    of: 'others' | 'identity',
  ): void {
    void parts
      .verifyOwner?.(credential, request)
      .then(owner => owner !== undefined && revokeIdentity(owner, of))
  }

  return request => {
    const change = parts.readSessionChange(request)
    if (change === undefined) return
    const { scope: of } = change
    if (typeof of === 'object') {
      if (tryConsume()) parts.revoke({ kind: 'session', id: of.sessionId })
      return
    }
    for (const credential of change.credentials) {
      const { value } = credential
      const owner = parts.findOwner(value)
      if (owner === undefined && !tryConsume()) return
      // First of all the credential itself: it may be known elsewhere, or become known while Kratos works.
      if (of !== 'others') parts.revoke({ kind: 'credential', value })
      if (of === 'session') continue
      if (owner === undefined) revokeVerifiedOwner(credential, request, of)
      else revokeIdentity(owner, of)
    }
  }
}
