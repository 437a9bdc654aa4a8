/** Estimates how much memory a value of parsed JSON takes, so that caches can be bounded in bytes. */

const BYTES_PER_OBJECT = 56
const BYTES_PER_MEMBER = 32
const BYTES_PER_STRING = 24
const BYTES_PER_NUMBER = 16

/**
 * Bytes of strings, arrays, Maps and plain objects, with everything below them. The length of the text would not do:
 * `[[],[],…]` takes twenty times as much memory as text. Deep values are safe, cyclic ones never end.
 */
export function estimateHeapBytes(value: unknown): number {
  let bytes = 0
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next === 'string') bytes += BYTES_PER_STRING + 2 * next.length
    else if (typeof next !== 'object' || next === null) bytes += BYTES_PER_NUMBER
    else {
      bytes += BYTES_PER_OBJECT
      if (Array.isArray(next)) for (const item of next) pending.push(item)
      else
        for (const [key, member] of next instanceof Map ? next : Object.entries(next)) {
          bytes += BYTES_PER_MEMBER
          pending.push(key, member)
        }
    }
  }
  return bytes
}
