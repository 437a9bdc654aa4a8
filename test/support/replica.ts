/** test/fakes/replica — one of several replicas: a store, its share of what is in Redis, and its ear for revocations. */
import type { Verdict } from '../../src/access/verdict.ts'
import type { Whoami } from '../../src/clients/kratos.ts'
import { type Clock, type Instant, type Millis, millis } from '../../src/lib/time.ts'
import { createSeals } from '../../src/sessions/replication/encryption.ts'
import type { Bus } from '../../src/sessions/replication/redis_store.ts'
import type { BusEvent } from '../../src/sessions/replication/revocation_message.ts'
import { type NewsLine, startNews } from '../../src/sessions/replication/revocation_stream.ts'
import { createSharedShelf, type ShelfOutcome } from '../../src/sessions/replication/shared_cache.ts'
import type { Revoked } from '../../src/sessions/types.ts'
import { createSessions, type Sessions } from '../../src/sessions/verifier.ts'
import { requestWith } from './request.ts'

export const REDIS_KEY = 'a key of thirty-two characters at least'

export interface ReplicaParts {
  readonly bus: Bus
  readonly clock: Clock
  readonly whoami: Whoami
  readonly keys?: readonly string[]
  readonly maxAge?: Millis
  readonly timeout?: Millis
}

export interface Replica {
  readonly sessions: Sessions
  readonly news: NewsLine
  readonly looks: ShelfOutcome[]
  readonly events: BusEvent[]
  /** With the cookie `s`; `maxAge` is the rule's own. */
  verify(value: string, options?: { readonly maxAge?: Millis; readonly fresh?: boolean }): Promise<Verdict>
  revoke(revoked: Revoked): Promise<boolean>
}

let born = 0

export function replica(parts: ReplicaParts): Replica {
  const { bus, clock, whoami, keys = [REDIS_KEY], maxAge = millis(60_000), timeout = millis(500) } = parts
  const seals = createSeals(keys)
  const looks: ShelfOutcome[] = []
  const events: BusEvent[] = []
  let news: NewsLine
  const shared = createSharedShelf({
    bus,
    seals,
    news: () => news,
    clock,
    timeout,
    count: outcome => looks.push(outcome),
  })
  const sessions = createSessions({
    clock,
    whoami,
    maxAge,
    maxEntries: 100,
    grace: millis(0),
    hold: millis(5_000),
    secret: Buffer.from(`secret of replica ${born}`),
    random: () => 0,
    // A test asks faster about sessions that have ended than any client may.
    limits: { refusalBurst: 1_000_000 },
    shared,
  })
  news = startNews({
    bus,
    seals,
    clock,
    origin: `replica ${born++}`,
    keep: millis(3_600_000),
    hold: millis(5_000),
    hear: told => sessions.hear(told).news,
    clear: sessions.clear,
    report: event => events.push(event),
    accident: error => {
      throw error
    },
  })
  const request = requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant })
  const endpoints = new Map<Millis | undefined, Parameters<Sessions['verify']>[0]>()
  return {
    sessions,
    news,
    looks,
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
    revoke: revoked => news.tell(sessions.revoke(revoked).news),
  }
}

/** Until it holds; what does not within a minute fails, and nobody waits on. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`never came: ${holds}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
