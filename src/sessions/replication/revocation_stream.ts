/** sessions/news — the same revocations on every replica: told to all, caught up with after a gap, or everything forgotten where that is not possible. Knows the bus and two functions, no session and no cache. */
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { RevocationEvent } from '../types.ts'
import type { CacheCipher } from './encryption.ts'
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
  /** Of this process; what it told itself it need not hear. */
  readonly origin: string
  /** As long as anything can be remembered anywhere. */
  readonly retention: Millis
  /** News that is younger than this when a replica joins may be ahead of Kratos' commit: it is heard again. */
  readonly holdoff: Millis
  /** Takes news of others; returns what it found out with it and the others should know. */
  readonly apply: (news: RevocationEvent) => readonly RevocationEvent[]
  /** Forgets everything: what was missed cannot be known. */
  readonly clear: () => void
  readonly onEvent: (event: RevocationStreamEvent) => void
  readonly onError: (error: unknown) => void
}

export interface RevocationStream {
  /** Tells all replicas. True when Redis has it; otherwise it waits for Redis. Never rejects. */
  publish(news: readonly RevocationEvent[]): Promise<boolean>
  /** The latest revocation that has been heard here. */
  readonly position: StreamId
  /** What was asked before that is worth nothing here, whatever its tombstones say. */
  readonly minValidPosition: StreamId
  /** Nothing that is known here is missing there, nor, as far as can be seen, the other way round. */
  readonly inSync: boolean
  readonly connected: boolean
  /** How long ago the end of the stream was last seen; a revocation of others may be that old. */
  readonly lag: Millis
  readonly waiting: number
  /** Somebody has seen the stream end earlier than it must: Redis has lost something. */
  detectsLoss(head: StreamId): boolean
  close(): Promise<void>
}

/** ms. How long the follower waits for news at a time; how soon a stop or a dead line is noticed. */
const READ_BLOCK_MS = millis(1_000)
/** ms that one call may take beyond what it waits for. */
const CALL_TIMEOUT_MS = millis(2_000)
/** ms that news which is still untold has when we stop. */
const FLUSH_TIMEOUT_MS = millis(500)
/** After a failed round, 250 ms. Waits for nothing else: whatever were waited for beside it would remember each wait. */
const retryDelay = () => new Promise<void>(resolve => setTimeout(resolve, 250))

export function startRevocationStream(parts: RevocationStreamDependencies): RevocationStream {
  const { store, cipher, clock, onEvent } = parts
  let running = true
  let joined = false
  let connected = false
  let position: StreamId = STREAM_START
  /** The latest of which is known that Redis had it. */
  let lastKnownId: StreamId = STREAM_START
  /** Redis has lost what came after that, and nobody has been told yet. */
  let lostSince: StreamId | undefined
  /** News that could not be read came then. */
  let minValidPosition: StreamId = STREAM_START
  let headSeenAt: Instant = clock.now()

  const withCallTimeout = async <T>(answer: Promise<T>, waited: Millis = millis(0)): Promise<T> => {
    const done = await withTimeout(
      answer.then(value => ({ value })),
      millis(CALL_TIMEOUT_MS + waited),
      undefined,
    )
    if (done === undefined) throw new Error('no answer')
    return done.value
  }

  function setConnected(up: boolean): void {
    if (up) headSeenAt = clock.now()
    if (up !== connected) onEvent(up ? 'connected' : 'disconnected')
    connected = up
  }

  /** Where nobody knows what was missed, nothing is believed. */
  function evictAll(why: 'gap' | 'lost' | 'undecryptable'): void {
    onEvent(why)
    parts.clear()
  }

  async function joinStream(): Promise<void> {
    if (lostSince !== undefined) {
      await withCallTimeout(publishEvent({ kind: 'everything' }, lostSince))
      lostSince = undefined
    }
    const { head, recent } = await withCallTimeout(store.readRecent(millis(2 * parts.holdoff)))
    // What was remembered before nobody told us of revocations.
    parts.clear()
    position = head
    lastKnownId = head
    for (const text of recent) applyMessage(text)
    joined = true
    setConnected(true)
  }

  function applyMessage(text: string): void {
    const message = decryptMessage(text, cipher)
    if (message === undefined) {
      evictAll('undecryptable')
      minValidPosition = position
    }
    if (message === undefined || message.origin === parts.origin) return
    onEvent('received')
    try {
      const newEvents = parts.apply(message.news)
      if (newEvents.length > 0) void outbox.publish(newEvents)
    } catch (error) {
      parts.onError(error)
      parts.clear()
    }
  }

  async function readNext(): Promise<void> {
    let messages = await withCallTimeout(store.readAfter(position, READ_BLOCK_MS), READ_BLOCK_MS)
    if (messages.length === 0) {
      const head = await withCallTimeout(store.head())
      if (head !== position) {
        if (isBefore(head, lastKnownId)) return recover()
        messages = await withCallTimeout(store.readAfter(position, millis(0)))
        if (messages.length === 0) {
          evictAll('gap')
          position = head
        }
      }
    }
    for (const { id, previousId: previous, text } of messages) {
      if (isBefore(previous, position)) return recover()
      if (previous !== position) evictAll('gap')
      position = id
      lastKnownId = maxStreamId(lastKnownId, id)
      applyMessage(text)
    }
    setConnected(true)
  }

  /** Redis was emptied, or a replica without the latest took over: what it holds may be older than what was revoked. */
  function recover(): void {
    joined = false
    lostSince = lastKnownId
    evictAll('lost')
  }

  async function publishEvent(news: RevocationEvent, unlessAfter?: StreamId): Promise<void> {
    const text = encryptMessage({ origin: parts.origin, news }, cipher)
    const names = tombstoneNames(news, cipher)
    const message = {
      text,
      names,
      keep: parts.retention,
      ...(unlessAfter === undefined ? {} : { unlessAfter }),
    }
    const id = await store.publish(message)
    if (id === undefined) return
    lastKnownId = maxStreamId(lastKnownId, id)
    onEvent('published')
  }

  const outbox = createOutbox(
    news => withCallTimeout(publishEvent(news)),
    () => onEvent('waiting'),
  )

  async function run(): Promise<void> {
    while (running) {
      try {
        if (!joined) await joinStream()
        await outbox.flush()
        await readNext()
      } catch {
        setConnected(false)
        await retryDelay()
      }
    }
  }
  run().catch(parts.onError)

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
    get waiting() {
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
