/** One of several replicas: a session verifier with shared cache and revocation stream. */
import type { Verdict } from '../../src/access/verdict.ts'
import type { Whoami } from '../../src/clients/kratos.ts'
import { type Clock, type Instant, type Millis, millis } from '../../src/lib/time.ts'
import { createCacheCipher } from '../../src/sessions/replication/cache_cipher.ts'
import type { RedisStore } from '../../src/sessions/replication/redis_store.ts'
import type { RevocationStreamEvent } from '../../src/sessions/replication/revocation_message.ts'
import {
  type RevocationStream,
  startRevocationStream,
} from '../../src/sessions/replication/revocation_stream.ts'
import { createSharedCache, type SharedCacheResult } from '../../src/sessions/replication/shared_cache.ts'
import type { RevocationTarget } from '../../src/sessions/types.ts'
import { createSessionVerifier, type SessionVerifier } from '../../src/sessions/verifier.ts'
import { requestWith } from './request.ts'

export const ENCRYPTION_KEY = 'a key of thirty-two characters at least'

export interface ReplicaOptions {
  readonly store: RedisStore
  readonly clock: Clock
  readonly whoami: Whoami
  readonly keys?: readonly string[]
  readonly maxAge?: Millis
  readonly timeout?: Millis
  readonly refreshAhead?: number
}

export interface Replica {
  readonly sessions: SessionVerifier
  readonly stream: RevocationStream
  readonly lookups: SharedCacheResult[]
  readonly events: RevocationStreamEvent[]
  /** Verifies the cookie `s`. `maxAge` is that of the rule. */
  verify(value: string, options?: { readonly maxAge?: Millis; readonly fresh?: boolean }): Promise<Verdict>
  revoke(target: RevocationTarget): Promise<boolean>
}

let replicaCount = 0

export function startReplica(options: ReplicaOptions): Replica {
  const {
    store,
    clock,
    whoami,
    keys = [ENCRYPTION_KEY],
    maxAge = millis(60_000),
    timeout = millis(500),
  } = options
  const cipher = createCacheCipher(keys)
  const lookups: SharedCacheResult[] = []
  const events: RevocationStreamEvent[] = []
  let stream: RevocationStream
  const sharedCache = createSharedCache({
    store,
    cipher,
    revocationStream: () => stream,
    clock,
    timeout,
    onResult: result => lookups.push(result),
  })
  const sessions = createSessionVerifier({
    clock,
    whoami,
    maxAge,
    maxEntries: 100,
    staleIfError: millis(0),
    holdoff: millis(5_000),
    secret: Buffer.from(`secret of replica ${replicaCount}`),
    random: () => 0,
    refreshAhead: options.refreshAhead ?? 0,
    // Tests send rejected credentials faster than the limit for clients allows.
    upstreamOptions: { rejectionBurst: 1_000_000 },
    sharedCache,
  })
  stream = startRevocationStream({
    store,
    cipher,
    clock,
    origin: `replica ${replicaCount++}`,
    retention: millis(3_600_000),
    holdoff: millis(5_000),
    apply: event => sessions.applyRevocation(event).events,
    clear: sessions.clear,
    onEvent: event => events.push(event),
    onError: error => {
      throw error
    },
  })
  const request = requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant })
  const endpoints = new Map<Millis | undefined, Parameters<SessionVerifier['verify']>[0]>()
  return {
    sessions,
    stream,
    lookups,
    events,
    async verify(value, { maxAge: bound, fresh = false } = {}) {
      const endpoint = endpoints.get(bound) ?? {
        whoamiUrl: 'http://kratos/sessions/whoami',
        headers: [],
        maxAge: bound,
      }
      endpoints.set(bound, endpoint)
      return sessions.verify(endpoint, { kind: 'cookie', name: 's', value }, request, { fresh })
    },
    revoke: target => stream.publish(sessions.revoke(target).events),
  }
}

/** Polls until the condition holds. Rejects after a minute. */
export async function waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`timed out: ${holds}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
