/** Revokes sessions when a request that ends or changes them passes through to Kratos, before Kratos receives it. */
import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'
import type { Clock } from '../lib/time.ts'
import { createTokenBucket } from '../lib/token_bucket.ts'
import type { SessionChange } from './kratos_public.ts'
import type { RevocationTarget } from './types.ts'

export interface SessionOwner {
  /** Session id. */
  readonly id: string
  readonly identityId: string
}

export interface LogoutObserverDependencies {
  readonly clock: Clock
  readonly readSessionChange: (request: RequestView) => SessionChange | undefined
  /** The owner of a cached credential. */
  readonly findOwner: (value: string) => SessionOwner | undefined
  /** The owner according to Kratos; absent if no whoami URL is known. Never rejects. */
  readonly verifyOwner:
    | ((credential: Credential, request: RequestView) => Promise<SessionOwner | undefined>)
    | undefined
  readonly revoke: (target: RevocationTarget) => void
  /** Called when a request is ignored because of the limit on uncached credentials. */
  readonly onSkipped: () => void
}

/** Each observed request is published to all replicas, and anyone can send requests with invented credentials. */
const UNKNOWN_CREDENTIAL_LIMIT = { capacity: 100, refillPerSecond: 20 }

/** The returned function takes a request that is about to be allowed. It neither waits nor throws for any request. */
export function createLogoutObserver(
  dependencies: LogoutObserverDependencies,
): (request: RequestView) => void {
  const { readSessionChange, findOwner, verifyOwner, revoke, onSkipped } = dependencies
  const unknownCredentials = createTokenBucket({ clock: dependencies.clock, ...UNKNOWN_CREDENTIAL_LIMIT })

  function tryConsume(): boolean {
    if (unknownCredentials.available < 1) {
      onSkipped()
      return false
    }
    unknownCredentials.consume()
    return true
  }

  function revokeIdentity({ id, identityId }: SessionOwner, scope: 'others' | 'identity'): void {
    revoke({ kind: 'identity', id: identityId, ...(scope === 'others' ? { keep: id } : {}) })
  }

  /** The session itself survives these changes, so Kratos can still name its owner while the request is on its way. */
  function revokeVerifiedOwner(
    credential: Credential,
    request: RequestView,
    scope: 'others' | 'identity',
  ): void {
    void verifyOwner?.(credential, request).then(owner => owner !== undefined && revokeIdentity(owner, scope))
  }

  return request => {
    const change = readSessionChange(request)
    if (change === undefined) return
    const { scope } = change
    if (typeof scope === 'object') {
      if (tryConsume()) revoke({ kind: 'session', id: scope.sessionId })
      return
    }
    for (const credential of change.credentials) {
      const { value } = credential
      const owner = findOwner(value)
      if (owner === undefined && !tryConsume()) return
      // First the credential: another replica may have cached it, or may cache it before Kratos is done.
      if (scope !== 'others') revoke({ kind: 'credential', value })
      if (scope === 'session') continue
      if (owner === undefined) revokeVerifiedOwner(credential, request, scope)
      else revokeIdentity(owner, scope)
    }
  }
}
