/** sessions/shared_shelf — what one replica learnt of a session, for the others, in Redis. Never a credential, never Set-Cookie; a miss whenever anything is in doubt. Knows the bus, no Kratos. */
import type { VerifiedSession } from '../../access/verdict.ts'
import type { KeyPart } from '../../lib/key_hash.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween, plusMillis } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import { readWhoamiResponse } from '../kratos/whoami_response.ts'
import type { Finding } from '../types.ts'
import type { CacheCipher } from './encryption.ts'
import type { RedisStore } from './redis_store.ts'
import { EVERYTHING } from './revocation_message.ts'
import type { RevocationStream } from './revocation_stream.ts'
import { isBefore, STREAM_START, type StreamId } from './stream_id.ts'

export type SharedSession = Extract<Finding, { readonly kind: 'verified' }> & { readonly askedAt: Instant }

/** How a look at the shelf ended. Closed: docs/operations.md lists them. */
export type SharedCacheOutcome = 'hit' | 'miss' | 'void' | 'undecryptable' | 'error' | 'closed' | 'written'

export interface SharedCache {
  /** Names of a credential alone, our own first: the same on every replica. */
  credentialHashes(value: string): readonly [string, ...string[]]
  /** Which revocations are known when Kratos is asked; what it says then is worth nothing after a later one. */
  readonly position: StreamId
  /** Waits for Redis no longer than its own timeout. Never rejects. */
  get(question: SharedCacheKey): Promise<SharedSession | undefined>
  /** Behind everybody's back: nobody waits for it. */
  put(question: SharedCacheKey, entry: SharedCacheEntry): void
  /** Kratos has said no. */
  delete(question: SharedCacheKey): void
}

export interface SharedCacheKey {
  /** Everything that the answer depends on. */
  readonly tuple: readonly KeyPart[]
  /** One of the names of the credential alone. */
  readonly credentialHash: string
}

export interface SharedCacheEntry {
  readonly position: StreamId
  readonly session: VerifiedSession
  /** Values of `Ory-Session-Cache-For`. */
  readonly cacheFor: readonly string[]
  readonly askedAt: Instant
  readonly ttl: Millis
}

export interface SharedCacheDependencies {
  readonly store: RedisStore
  readonly cipher: CacheCipher
  /** Absent until somebody listens: then nothing is shared. */
  readonly revocationStream: () =>
    | Pick<RevocationStream, 'position' | 'minValidPosition' | 'inSync' | 'detectsLoss'>
    | undefined
  readonly clock: Clock
  readonly timeout: Millis
  readonly onOutcome: (outcome: SharedCacheOutcome) => void
}

/** Of what is written; another schema has other names. */
const SCHEMA_VERSION = 'v1'
/** Characters; no session of Kratos comes near. */
const MAX_ENTRY_CHARS = 256 * 1024
/** Failures in a row after which Redis is left alone, and for how long. */
const MAX_FAILURES = 3
const PAUSE_MS = millis(1_000)
/** Writes under way; beyond it an answer stays local. */
const MAX_PENDING_WRITES = 256

export function createSharedCache(parts: SharedCacheDependencies): SharedCache {
  const { store, cipher, clock, onOutcome } = parts
  const isInSync = (): boolean => parts.revocationStream()?.inSync === true
  let failures = 0
  let pausedUntil: Instant = clock.now()
  /** After a pause one look tells whether Redis is back; the others do not wait with it. */
  let retrying = false
  let writes = 0

  const entryKey = ({ tuple }: SharedCacheKey): string => `${SCHEMA_VERSION}:${cipher.keyedHashes(tuple)[0]}`

  function onFailure(): void {
    onOutcome('error')
    failures++
    if (failures >= MAX_FAILURES) pausedUntil = plusMillis(clock.now(), PAUSE_MS)
  }

  function isPaused(): boolean {
    if (!isInSync() || pausedUntil > clock.now()) return true
    return failures >= MAX_FAILURES && retrying
  }

  async function lookUp(
    question: SharedCacheKey,
  ): Promise<SharedSession | 'miss' | 'void' | 'undecryptable'> {
    const key = entryKey(question)
    const found = await store.getEntry(key)
    if (found === undefined) return 'miss'
    const text = cipher.decrypt(key, found.text)
    const entry = text === undefined ? undefined : parseEntry(text, found.left, clock)
    if (entry === undefined) return 'undecryptable'
    const { finding, position, over: expired } = entry
    if (expired || finding.kind !== 'verified') return 'void'
    const { id, identityId } = finding.session
    const names = [EVERYTHING, ['session', id], ['identity', identityId]].map(
      one => cipher.keyedHashes(one)[0],
    )
    const { head, ids } = await store.getTombstones([...names, question.credentialHash])
    // Redis itself must know of all that was known when Kratos was asked, and of all that is known here.
    const news = parts.revocationStream()
    const lost = isBefore(head, position) || news?.detectsLoss(head) !== false
    const revoked = [...ids, news?.minValidPosition].some(one => one !== undefined && isBefore(position, one))
    return lost || revoked || !isInSync() ? 'void' : finding
  }

  return {
    credentialHashes: value => cipher.keyedHashes(['credential', value]),
    get position() {
      return parts.revocationStream()?.position ?? STREAM_START
    },
    async get(question) {
      if (isPaused()) {
        onOutcome('closed')
        return undefined
      }
      retrying = true
      try {
        const outcome = await withTimeout(lookUp(question), parts.timeout, 'late' as const)
        if (outcome === 'late') {
          onFailure()
          return undefined
        }
        failures = 0
        onOutcome(typeof outcome === 'string' ? outcome : 'hit')
        return typeof outcome === 'string' ? undefined : outcome
      } catch {
        onFailure()
        return undefined
      } finally {
        retrying = false
      }
    },
    put(question, entry) {
      if (isPaused() || writes >= MAX_PENDING_WRITES || entry.ttl <= 0) return
      const place = entryKey(question)
      const text = serializeEntry(entry, clock)
      if (text.length > MAX_ENTRY_CHARS) return
      writes++
      store
        .putEntry(place, cipher.encrypt(place, text), entry.ttl)
        .then(() => onOutcome('written'), onFailure)
        .finally(() => {
          writes--
        })
    },
    delete(question) {
      if (!isInSync()) return
      store.deleteEntry(entryKey(question)).catch(onFailure)
    },
  }
}

interface StoredEntry {
  readonly position: StreamId
  /** Wall clock of the one who asked, ms; and how old the answer was when it was written, ms. */
  readonly asked: number
  readonly age: number
  readonly ttl: number
  readonly cacheFor: readonly string[]
  readonly session: VerifiedSession['document']
}

function serializeEntry(
  { position, session, cacheFor, askedAt, ttl }: SharedCacheEntry,
  clock: Clock,
): string {
  const age = millisBetween(askedAt, clock.now())
  const written: StoredEntry = {
    position,
    asked: clock.wall() - age,
    age,
    ttl,
    cacheFor,
    session: session.document,
  }
  return JSON.stringify(written)
}

/**
 * The same checks as for an answer of Kratos, at today's time. Its age is what Redis' own clock says of it, or what the two
 * wall clocks say, whichever is more: no clock that is wrong makes an entry younger, nor does one that was put back.
 */
function parseEntry(text: string, left: Millis, clock: Clock) {
  let written: StoredEntry
  try {
    written = JSON.parse(text) as StoredEntry
  } catch {
    return undefined
  }
  const { position, asked, age, ttl, cacheFor, session } = written
  const headers = cacheFor.map(value => ['ory-session-cache-for', value] as const)
  const answer = { kind: 'answered', status: 200, headers, body: JSON.stringify(session) } as const
  const finding = readWhoamiResponse(answer, '', clock.wall())
  const currentAge = Math.max(age + Math.max(0, ttl - left), clock.wall() - asked, 0)
  return {
    position,
    over: currentAge >= age + ttl,
    finding: { ...finding, askedAt: plusMillis(clock.now(), millis(-currentAge)) },
  }
}
