/** Cache of verified sessions that replicas share in Redis, encrypted. It holds no credential and no Set-Cookie. */

import type { KeyPart } from '../../lib/key_hash.ts'
import { type Clock, type Instant, type Millis, millis, plusMillis } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { VerifiedFinding } from '../types.ts'
import type { CacheCipher } from './cache_cipher.ts'
import type { RedisStore } from './redis_store.ts'
import { EVERYTHING } from './revocation_message.ts'
import type { RevocationStream } from './revocation_stream.ts'
import { parseEntry, type SharedCacheEntry, serializeEntry } from './shared_entry.ts'
import { isBefore, STREAM_START, type StreamId } from './stream_id.ts'

export type SharedSession = VerifiedFinding & { readonly requestedAt: Instant }

/**
 * Result of a read or a write. `invalidated`: expired, revoked, or older than Redis' loss of data. `skipped`: not read,
 * because the replica is not in sync or Redis failed repeatedly. docs/operations.md lists them.
 */
export type SharedCacheResult =
  | 'hit'
  | 'miss'
  | 'invalidated'
  | 'undecryptable'
  | 'error'
  | 'skipped'
  | 'written'

export interface SharedCache {
  /** Keyed hashes of a credential alone, the one by the primary key first. Equal on all replicas with the same key. */
  credentialHashes(value: string): readonly [string, ...string[]]
  /** Last applied revocation. A result whose call starts now is invalid after a later one for the session. */
  readonly position: StreamId
  /** Never rejects. Waits for Redis up to the configured timeout. */
  get(key: SharedCacheKey): Promise<SharedSession | undefined>
  /** Writes in the background. */
  put(key: SharedCacheKey, entry: SharedCacheEntry): void
  /** Deletes in the background. */
  delete(key: SharedCacheKey): void
}

export interface SharedCacheKey {
  /** Everything that the response of Kratos depends on: endpoint and credential. */
  readonly tuple: readonly KeyPart[]
  /** Keyed hash of the credential alone, by the primary key. */
  readonly credentialHash: string
}

export interface SharedCacheDependencies {
  readonly store: RedisStore
  readonly cipher: CacheCipher
  /** Until it returns a stream, nothing is read or written. */
  readonly revocationStream: () =>
    | Pick<RevocationStream, 'position' | 'minValidPosition' | 'inSync' | 'detectsLoss'>
    | undefined
  readonly clock: Clock
  /** Timeout of a read. */
  readonly timeout: Millis
  readonly onResult: (result: SharedCacheResult) => void
}

/** Version of the payload format; part of the name and of the encryption context. */
const SCHEMA_VERSION = 'v1'
/** Larger sessions stay local. */
const MAX_ENTRY_CHARS = 256 * 1024
/** Number of consecutive failures after which reads pause. */
const MAX_FAILURES = 3
const PAUSE_MS = millis(1_000)
/** With more writes in flight, a result stays local. */
const MAX_PENDING_WRITES = 256

export function createSharedCache(dependencies: SharedCacheDependencies): SharedCache {
  const { store, cipher, clock, revocationStream, onResult } = dependencies
  const isInSync = (): boolean => revocationStream()?.inSync === true
  let failures = 0
  let pausedUntil: Instant = clock.now()
  /** After a pause one read tests whether Redis is back; the others do not wait for it. */
  let retrying = false
  let pendingWrites = 0

  const entryName = ({ tuple }: SharedCacheKey): string => `${SCHEMA_VERSION}:${cipher.keyedHashes(tuple)[0]}`

  function onFailure(): void {
    onResult('error')
    failures++
    if (failures >= MAX_FAILURES) pausedUntil = plusMillis(clock.now(), PAUSE_MS)
  }

  function isPaused(): boolean {
    if (!isInSync() || pausedUntil > clock.now()) return true
    return failures >= MAX_FAILURES && retrying
  }

  async function lookUp(
    key: SharedCacheKey,
  ): Promise<SharedSession | 'miss' | 'invalidated' | 'undecryptable'> {
    const name = entryName(key)
    const stored = await store.getEntry(name)
    if (stored === undefined) return 'miss'
    const text = cipher.decrypt(name, stored.text)
    const entry = text === undefined ? undefined : parseEntry(text, stored.ttl, clock)
    if (entry === undefined) return 'undecryptable'
    const { finding, position, expired } = entry
    if (expired || finding.kind !== 'verified') return 'invalidated'
    const { id, identityId } = finding.session
    const names = [EVERYTHING, ['session', id], ['identity', identityId]].map(
      tuple => cipher.keyedHashes(tuple)[0],
    )
    const { head, ids } = await store.getTombstones([...names, key.credentialHash])
    // Redis must know every revocation that the writer knew and that this replica knows.
    const stream = revocationStream()
    const lost = isBefore(head, position) || stream?.detectsLoss(head) !== false
    const revoked = [...ids, stream?.minValidPosition].some(
      tombstone => tombstone !== undefined && isBefore(position, tombstone),
    )
    return lost || revoked || !isInSync() ? 'invalidated' : finding
  }

  return {
    credentialHashes: value => cipher.keyedHashes(['credential', value]),
    get position() {
      return revocationStream()?.position ?? STREAM_START
    },
    async get(key) {
      if (isPaused()) {
        onResult('skipped')
        return undefined
      }
      retrying = true
      try {
        const result = await withTimeout(lookUp(key), dependencies.timeout, 'timeout' as const)
        if (result === 'timeout') {
          onFailure()
          return undefined
        }
        failures = 0
        onResult(typeof result === 'string' ? result : 'hit')
        return typeof result === 'string' ? undefined : result
      } catch {
        onFailure()
        return undefined
      } finally {
        retrying = false
      }
    },
    put(key, entry) {
      if (isPaused() || pendingWrites >= MAX_PENDING_WRITES || entry.ttl <= 0) return
      const name = entryName(key)
      const text = serializeEntry(entry, clock)
      if (text.length > MAX_ENTRY_CHARS) return
      pendingWrites++
      store
        .putEntry(name, cipher.encrypt(name, text), entry.ttl)
        .then(() => onResult('written'), onFailure)
        .finally(() => {
          pendingWrites--
        })
    },
    delete(key) {
      if (!isInSync()) return
      store.deleteEntry(entryName(key)).catch(onFailure)
    },
  }
}
