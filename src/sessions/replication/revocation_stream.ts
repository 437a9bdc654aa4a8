/** Applies the same revocations on every replica. A replica that may have missed one clears its cache. */
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { RevocationEvent } from '../types.ts'
import type { CacheCipher } from './cache_cipher.ts'
import { createOutbox } from './outbox.ts'
import type { RedisStore } from './redis_store.ts'
import {
  decryptMessage,
  encryptMessage,
  type RevocationStreamEvent,
  tombstoneNames,
} from './revocation_message.ts'
import { isBefore, maxStreamId, STREAM_START, type StreamId } from './stream_id.ts'

export interface RevocationStreamDependencies {
  readonly store: RedisStore
  readonly cipher: CacheCipher
  readonly clock: Clock
  /** Id of this process. It skips its own messages. */
  readonly origin: string
  /** How long Redis keeps messages and tombstones: at least as long as any replica caches a session. */
  readonly retention: Millis
  /** A joining replica applies revocations of the last two holdoffs again: Kratos may not have committed them yet. */
  readonly holdoff: Millis
  /** Applies an event of another replica. Returns new events to publish. */
  readonly apply: (event: RevocationEvent) => readonly RevocationEvent[]
  /** Clears the cache. */
  readonly clear: () => void
  readonly onEvent: (event: RevocationStreamEvent) => void
  readonly onError: (error: unknown) => void
}

export interface RevocationStream {
  /** Resolves to true once Redis has all events, to false if some are still queued. Never rejects. */
  publish(events: readonly RevocationEvent[]): Promise<boolean>
  /** Id of the last applied revocation. */
  readonly position: StreamId
  /**
   * Shared entries written before it are invalid here. It is the position at which this replica joined, missed a message, could
   * not decrypt one, or last applied a revocation of everything. Tombstones alone do not suffice, because a writer to Redis
   * can delete them.
   */
  readonly minValidPosition: StreamId
  /** Connected, joined, and with an empty outbox: only then is the shared cache in use. */
  readonly inSync: boolean
  readonly connected: boolean
  /** Time since the end of the stream was last read, ms. A revocation of another replica may be delayed by that long. */
  readonly lag: Millis
  /** Number of revocations that Redis has not accepted yet. */
  readonly pending: number
  /** Whether this head is older than one that Redis has had before, so that Redis has lost data. */
  detectsLoss(head: StreamId): boolean
  /** Publishes the outbox for up to 500 ms, then disconnects. */
  close(): Promise<void>
}

/** Duration of one blocking read, ms. A lost connection or `close` is noticed after this time at the latest. */
const READ_BLOCK_MS = millis(1_000)
/** Timeout of one call beyond its blocking time, ms. */
const CALL_TIMEOUT_MS = millis(2_000)
/** Maximum time to publish the outbox on `close`, ms. */
const FLUSH_TIMEOUT_MS = millis(500)
const RETRY_DELAY_MS = 250
/**
 * Time between a read that returned messages and the next one, ms. It bounds the reads of all replicas during a storm of
 * revocations: without it Redis would answer every replica for every message. It delays a revocation by as much at most.
 */
const MIN_READ_INTERVAL_MS = 10
/** A plain timer: racing it with a long-lived promise would add one reaction to that promise on every retry. */
const delay = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** Starts to read in the background and returns at once. */
export function startRevocationStream(dependencies: RevocationStreamDependencies): RevocationStream {
  const { store, cipher, clock, onEvent } = dependencies
  let running = true
  let joined = false
  let connected = false
  let position: StreamId = STREAM_START
  /** The latest id that Redis is known to have had. */
  let lastKnownId: StreamId = STREAM_START
  /** Set when Redis has lost the messages after that id and the other replicas do not know yet. */
  let lostSince: StreamId | undefined
  let minValidPosition: StreamId = STREAM_START
  let headSeenAt: Instant = clock.now()

  async function withCallTimeout<T>(call: Promise<T>, blocking: Millis = millis(0)): Promise<T> {
    const done = await withTimeout(
      call.then(value => ({ value })),
      millis(CALL_TIMEOUT_MS + blocking),
      undefined,
    )
    if (done === undefined) throw new Error('Redis did not answer in time')
    return done.value
  }

  function setConnected(up: boolean): void {
    if (up) headSeenAt = clock.now()
    if (up !== connected) onEvent(up ? 'connected' : 'disconnected')
    connected = up
  }

  /** It is unknown which revocations were missed, so no cached session may be used. */
  function clearCache(reason: 'gap' | 'data_loss' | 'undecryptable'): void {
    onEvent(reason)
    minValidPosition = position
    dependencies.clear()
  }

  async function joinStream(): Promise<void> {
    if (lostSince !== undefined) {
      await withCallTimeout(publishEvent({ kind: 'everything' }, lostSince))
      lostSince = undefined
    }
    const { head, recent } = await withCallTimeout(store.readRecent(millis(2 * dependencies.holdoff)))
    // Sessions cached before the replica joined may have been revoked unnoticed.
    dependencies.clear()
    position = head
    lastKnownId = head
    minValidPosition = head
    for (const text of recent) applyMessage(text)
    joined = true
    setConnected(true)
  }

  function applyMessage(text: string): void {
    const message = decryptMessage(text, cipher)
    if (message === undefined) {
      clearCache('undecryptable')
      return
    }
    if (message.event.kind === 'everything') minValidPosition = position
    if (message.origin === dependencies.origin) return
    onEvent('received')
    try {
      const events = dependencies.apply(message.event)
      if (events.length > 0) void outbox.publish(events)
    } catch (error) {
      dependencies.onError(error)
      dependencies.clear()
    }
  }

  /** Resolves to whether there were messages. */
  async function readNext(): Promise<boolean> {
    let messages = await withCallTimeout(store.readAfter(position, READ_BLOCK_MS), READ_BLOCK_MS)
    if (messages.length === 0) {
      const head = await withCallTimeout(store.readHead())
      if (head !== position) {
        if (isBefore(head, lastKnownId)) return rejoin()
        messages = await withCallTimeout(store.readAfter(position, millis(0)))
        if (messages.length === 0) {
          position = head
          clearCache('gap')
        }
      }
    }
    for (const { id, previousId, text } of messages) {
      if (isBefore(previousId, position)) return rejoin()
      const isGap = previousId !== position
      position = id
      lastKnownId = maxStreamId(lastKnownId, id)
      if (isGap) clearCache('gap')
      applyMessage(text)
    }
    setConnected(true)
    return messages.length > 0
  }

  /** Redis was flushed, restarted from an old dump, or failed over to a replica without the latest messages. */
  function rejoin(): false {
    joined = false
    lostSince = lastKnownId
    clearCache('data_loss')
    return false
  }

  async function publishEvent(event: RevocationEvent, unlessAfter?: StreamId): Promise<void> {
    const id = await store.publish({
      text: encryptMessage({ origin: dependencies.origin, event }, cipher),
      names: tombstoneNames(event, cipher),
      retention: dependencies.retention,
      ...(unlessAfter === undefined ? {} : { unlessAfter }),
    })
    if (id === undefined) return
    lastKnownId = maxStreamId(lastKnownId, id)
    onEvent('published')
  }

  const outbox = createOutbox(
    event => withCallTimeout(publishEvent(event)),
    () => onEvent('queued'),
  )

  async function run(): Promise<void> {
    while (running) {
      try {
        if (!joined) await joinStream()
        await outbox.flushBatch()
        if (await readNext()) await delay(MIN_READ_INTERVAL_MS)
      } catch {
        setConnected(false)
        await delay(RETRY_DELAY_MS)
      }
    }
  }
  run().catch(dependencies.onError)

  return {
    publish: outbox.publish,
    get position() {
      return position
    },
    get minValidPosition() {
      return minValidPosition
    },
    get inSync() {
      return joined && connected && outbox.size === 0
    },
    get connected() {
      return connected
    },
    get lag() {
      return millisBetween(headSeenAt, clock.now())
    },
    get pending() {
      return outbox.size
    },
    detectsLoss: head => isBefore(head, lastKnownId),
    async close() {
      running = false
      await withTimeout(
        outbox.flush().catch(() => undefined),
        FLUSH_TIMEOUT_MS,
        undefined,
      )
      await store.close()
    },
  }
}
