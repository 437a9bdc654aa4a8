/** sessions/outbox — revocations on their way to other replicas, in order; what cannot leave waits. Knows no Redis. */
import { millis } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { RevocationEvent } from '../types.ts'

export interface Outbox {
  /** True when all of it has left; false when it waits. Never rejects. */
  publish(news: readonly RevocationEvent[]): Promise<boolean>
  /** Tries again; rejects when something has to stay. */
  flush(): Promise<void>
  readonly size: number
}

interface QueuedEvent {
  readonly event: RevocationEvent
  readonly settle: (done: boolean) => void
}

/** ms until whoever tells is answered that the others will hear later. */
const PUBLISH_TIMEOUT_MS = millis(500)
/** Untold news; beyond it one "everything" takes their place. */
const MAX_QUEUED_EVENTS = 10_000

/** `delayed` is told when something has to wait. */
export function createOutbox(
  publish: (news: RevocationEvent) => Promise<void>,
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
    publish(news) {
      const all = news.map(one => {
        const { promise, resolve } = Promise.withResolvers<boolean>()
        queue.push({ event: one, settle: resolve })
        return promise
      })
      if (queue.length > MAX_QUEUED_EVENTS) {
        for (const { settle: left } of queue) left(false)
        queue = [{ event: { kind: 'everything' }, settle: () => {} }]
      }
      flush().catch(onDelayed)
      return withTimeout(
        Promise.all(all).then(each => each.every(Boolean)),
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
