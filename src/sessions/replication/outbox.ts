/** Queue of revocations to publish, in order. Events wait here while Redis is unavailable. */
import { millis } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { RevocationEvent } from '../types.ts'

export interface Outbox {
  /** Resolves to true once all events are published, to false if some are still queued after 500 ms. Never rejects. */
  publish(events: readonly RevocationEvent[]): Promise<boolean>
  /** Publishes the queue until it is empty. Rejects with the error of the first event that fails. */
  flush(): Promise<void>
  /**
   * Starts `flush` and waits for one batch only: while other events keep arriving, `flush` does not end. Rejects as
   * `flush` does.
   */
  flushBatch(): Promise<void>
  readonly size: number
}

interface QueuedEvent {
  readonly event: RevocationEvent
  readonly settle: (published: boolean) => void
}

/** Maximum time that the sender of a revocation waits for Redis, ms. */
const PUBLISH_TIMEOUT_MS = millis(500)
/** With more queued events, one revocation of everything replaces them all. */
const MAX_QUEUED_EVENTS = 10_000
/** Events in flight at once. One at a time would limit a replica to one event per round trip to Redis. */
const MAX_BATCH_EVENTS = 256

/** `publish` sends one event and rejects if it fails. `onDelayed` is called when events have to wait. */
export function createOutbox(
  publish: (event: RevocationEvent) => Promise<void>,
  onDelayed: () => void,
): Outbox {
  let queue: QueuedEvent[] = []
  let flushing: Promise<void> | undefined
  let batchInFlight: Promise<void> = Promise.resolve()
  /** One event after a failure: otherwise each new revocation would encrypt a whole batch while Redis is down. */
  let batchSize = MAX_BATCH_EVENTS

  /** One connection carries the batch, so Redis receives it in order. Events that failed stay in the queue. */
  async function publishBatch(): Promise<void> {
    const batch = queue.slice(0, batchSize)
    const results = await Promise.allSettled(batch.map(({ event }) => publish(event)))
    const published = new Set(batch.filter((_, i) => results[i]?.status === 'fulfilled'))
    queue = queue.filter(queued => !published.has(queued))
    for (const { settle } of published) settle(true)
    const failed = results.find(result => result.status === 'rejected')
    batchSize = failed === undefined ? MAX_BATCH_EVENTS : 1
    if (failed !== undefined) throw failed.reason
  }

  async function flushAll(): Promise<void> {
    while (queue.length > 0) {
      batchInFlight = publishBatch()
      await batchInFlight
    }
  }

  function flush(): Promise<void> {
    flushing ??= flushAll().finally(() => {
      flushing = undefined
    })
    return flushing
  }

  return {
    publish(events) {
      const published = events.map(event => {
        const { promise, resolve } = Promise.withResolvers<boolean>()
        queue.push({ event, settle: resolve })
        return promise
      })
      if (queue.length > MAX_QUEUED_EVENTS) {
        for (const { settle } of queue) settle(false)
        queue = [{ event: { kind: 'everything' }, settle: () => {} }]
      }
      flush().catch(onDelayed)
      return withTimeout(
        Promise.all(published).then(results => results.every(Boolean)),
        PUBLISH_TIMEOUT_MS,
        false,
      )
    },
    flush,
    flushBatch() {
      if (queue.length === 0) return Promise.resolve()
      // The batch reports the error to the caller.
      flush().catch(() => {})
      return batchInFlight
    },
    get size() {
      return queue.length
    },
  }
}
