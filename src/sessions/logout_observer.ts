/** sessions/door_watch — forgets sessions when a request to Kratos that ends or changes them is let through, before Kratos hears of it. Knows memory, no rule and no HTTP. */
import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'
import type { Clock } from '../lib/time.ts'
import { createBucket } from '../lib/token_bucket.ts'
import type { Ending } from './kratos_public.ts'
import type { Revoked } from './types.ts'

/** Ids of a session and of whom it is of. */
export interface Owner {
  readonly id: string
  readonly identityId: string
}

export interface DoorWatchParts {
  readonly clock: Clock
  readonly read: (request: RequestView) => Ending | undefined
  /** What memory knows of a credential. */
  readonly ownerOf: (value: string) => Owner | undefined
  /** Kratos' answer to the same; absent where it is not known whom to ask. Never rejects. */
  readonly ask: ((credential: Credential, request: RequestView) => Promise<Owner | undefined>) | undefined
  readonly revoke: (revoked: Revoked) => void
  /** A request was let through unnoticed: too many of credentials that are not known here. */
  readonly skipped: () => void
}

/** Of credentials that memory does not know. Anybody can send any number of these, and each is news for all replicas. */
const UNKNOWN = { capacity: 100, perSecond: 20 }

/** For a request that may pass, before it does. Never waits, never throws for what a request may contain. */
export function createDoorWatch(parts: DoorWatchParts): (request: RequestView) => void {
  const bucket = createBucket({ clock: parts.clock, ...UNKNOWN })

  function mayGoOn(): boolean {
    if (bucket.left < 1) {
      parts.skipped()
      return false
    }
    bucket.spend()
    return true
  }

  function identity(owner: Owner, of: 'others' | 'identity'): void {
    const { id, identityId } = owner
    parts.revoke({ kind: 'identity', id: identityId, ...(of === 'others' ? { keep: id } : {}) })
  }

  /** The session goes on after these, so that Kratos can still be asked whose it is, beside the request. */
  function find(credential: Credential, request: RequestView, of: 'others' | 'identity'): void {
    void parts.ask?.(credential, request).then(owner => owner !== undefined && identity(owner, of))
  }

  return request => {
    const ending = parts.read(request)
    if (ending === undefined) return
    const { of } = ending
    if (typeof of === 'object') {
      if (mayGoOn()) parts.revoke({ kind: 'session', id: of.sessionId })
      return
    }
    for (const credential of ending.credentials) {
      const { value } = credential
      const owner = parts.ownerOf(value)
      if (owner === undefined && !mayGoOn()) return
      // First of all the credential itself: it may be known elsewhere, or become known while Kratos works.
      if (of !== 'others') parts.revoke({ kind: 'credential', value })
      if (of === 'session') continue
      if (owner === undefined) find(credential, request, of)
      else identity(owner, of)
    }
  }
}
