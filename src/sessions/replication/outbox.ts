/** sessions/outbox — revocations on their way to other replicas, in order; what cannot leave waits. Knows no Redis. */
import { millis } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import type { News } from '../types.ts'

export interface Outbox {
  /** True when all of it has left; false when it waits. Never rejects. */
  tell(news: readonly News[]): Promise<boolean>
  /** Tries again; rejects when something has to stay. */
  flush(): Promise<void>
  readonly size: number
}

interface Untold {
  readonly news: News
  readonly left: (done: boolean) => void
}

/** ms until whoever tells is answered that the others will hear later. */
const PATIENCE = millis(500)
/** Untold news; beyond it one "everything" takes their place. */
const MOST = 10_000

/** `delayed` is told when something has to wait. */
export function createOutbox(publish: (news: News) => Promise<void>, delayed: () => void): Outbox {
  let untold: Untold[] = []
  let flushing: Promise<void> | undefined

  async function flushAll(): Promise<void> {
    for (let next = untold[0]; next !== undefined; next = untold[0]) {
      await publish(next.news)
      if (untold[0] === next) untold.shift()
      next.left(true)
    }
  }

  function flush(): Promise<void> {
    flushing ??= flushAll().finally(() => {
      flushing = undefined
    })
    return flushing
  }

  return {
    tell(news) {
      const all = news.map(one => {
        const { promise, resolve } = Promise.withResolvers<boolean>()
        untold.push({ news: one, left: resolve })
        return promise
      })
      if (untold.length > MOST) {
        for (const { left } of untold) left(false)
        untold = [{ news: { kind: 'everything' }, left: () => {} }]
      }
      flush().catch(delayed)
      return within(
        Promise.all(all).then(each => each.every(Boolean)),
        PATIENCE,
        false,
      )
    },
    flush,
    get size() {
      return untold.length
    },
  }
}
