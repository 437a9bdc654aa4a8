/** A bounded list whose newest item replaces the oldest. */

export interface RingBuffer<T> {
  push(item: T): void
  /** The newest items, newest first, up to the first that does not hold. */
  newestWhile(holds: (item: T) => boolean): T[]
  /** The newest items that match, newest first, at most `limit`. */
  newest(limit: number, matches: (item: T) => boolean): T[]
}

/** `capacity` may be 0. Memory grows with the items, not with the capacity. */
export function createRingBuffer<T>(capacity: number): RingBuffer<T> {
  const items: T[] = []
  /** Index of the next item, once the buffer is full. */
  let next = 0
  const newestAt = (age: number): T => items[(next + 2 * items.length - 1 - age) % items.length] as T
  return {
    push(item) {
      if (items.length < capacity) items.push(item)
      else if (capacity > 0) {
        items[next] = item
        next = (next + 1) % capacity
      }
    },
    newestWhile(holds) {
      const found: T[] = []
      for (let age = 0; age < items.length; age++) {
        const item = newestAt(age)
        if (!holds(item)) break
        found.push(item)
      }
      return found
    },
    newest(limit, matches) {
      const found: T[] = []
      for (let age = 0; age < items.length && found.length < limit; age++) {
        const item = newestAt(age)
        if (matches(item)) found.push(item)
      }
      return found
    },
  }
}
