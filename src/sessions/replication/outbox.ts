/** Queue of revocations to publish, in order. Events wait here while Redis is unavailable. */
import { millis } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { RevocationEvent } from '../types.ts'

export interface Outbox {
  /** Resolves to true once all events are published, to false if some are still queued after 500 ms. Never rejects. */
  publish(events: readonly RevocationEvent[]): Promise<boolean>
  /** Publishes the queue. Rejects with the error of the first event that fails. */
  flush(): Promise<void>
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

/** `publish` sends one event and rejects if it fails. `onDelayed` is called when events have to wait. */
export function createOutbox(
  publish: (event: RevocationEvent) => Promise<void>,
  onDelayed: () => void,
): Outbox {
  let queue: QueuedEvent[] = []
  let flushing: Promise<void> | undefined

  async function flushAll(): Promise<void> {
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      await publish(next.event)
      if (queue[0] === next) queue.shift()
      next.settle(true)
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
    get size() {
      return queue.length
    },
  }
}
