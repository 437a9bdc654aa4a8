/** Serialized form of a cache entry in Redis. */
import type { VerifiedSession } from '../../access/verdict.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween, plusMillis } from '../../lib/time.ts'
import { readWhoamiResponse } from '../kratos/whoami_response.ts'
import type { Finding } from '../types.ts'
import type { StreamId } from './stream_id.ts'

export interface SharedCacheEntry {
  /** Last revocation that was applied when Kratos was called. A later one for the session makes the entry invalid. */
  readonly position: StreamId
  readonly session: VerifiedSession
  /** Values of `Ory-Session-Cache-For`, unparsed. */
  readonly cacheFor: readonly string[]
  readonly requestedAt: Instant
  readonly ttl: Millis
}

export interface ParsedEntry {
  readonly position: StreamId
  readonly expired: boolean
  readonly finding: Finding & { readonly requestedAt: Instant }
}

/** Payload format: the member names are part of it. Another format needs another `SCHEMA_VERSION`. */
interface StoredEntry {
  readonly position: StreamId
  /** Wall clock of the writer when it called Kratos, ms; and the age of the result when it was written, ms. */
  readonly asked: number
  readonly age: number
  readonly ttl: number
  readonly cacheFor: readonly string[]
  readonly session: VerifiedSession['document']
}

export function serializeEntry(entry: SharedCacheEntry, clock: Clock): string {
  const { position, session, cacheFor, requestedAt, ttl } = entry
  const age = millisBetween(requestedAt, clock.now())
  const stored: StoredEntry = {
    position,
    asked: clock.wall() - age,
    age,
    ttl,
    cacheFor,
    session: session.document,
  }
  return JSON.stringify(stored)
}

/**
 * Applies the same checks as to a whoami response, at the current time. `remaining` is the lifetime left according to Redis.
 * The age is the larger of that by the clock of Redis and that by the two wall clocks, so that neither a wrong clock nor a
 * restored dump makes an entry younger. `undefined` if the text is not JSON.
 */
export function parseEntry(text: string, remaining: Millis, clock: Clock): ParsedEntry | undefined {
  let stored: StoredEntry
  try {
    stored = JSON.parse(text) as StoredEntry
  } catch {
    return undefined
  }
  const { position, asked, age, ttl, cacheFor, session } = stored
  const headers = cacheFor.map(value => ['ory-session-cache-for', value] as const)
  const response = { kind: 'answered', status: 200, headers, body: JSON.stringify(session) } as const
  const finding = readWhoamiResponse(response, '', clock.wall())
  const currentAge = Math.max(age + Math.max(0, ttl - remaining), clock.wall() - asked, 0)
  return {
    position,
    expired: currentAge >= age + ttl,
    finding: { ...finding, requestedAt: plusMillis(clock.now(), millis(-currentAge)) },
  }
}
