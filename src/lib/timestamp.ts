/** lib/timestamp — RFC 3339 text → a point in time. Knows nothing of access control. */
import type { WallTime } from './time.ts'

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** Up to nanoseconds, of which milliseconds are kept and the rest is cut; `undefined` for anything else. */
export function parseTimestamp(text: string): WallTime | undefined {
  const parts = TIMESTAMP.exec(text)
  if (parts === null) return undefined
  const [, date, fraction = '', zone] = parts
  const time = Date.parse(`${date}${fraction.slice(0, 4)}${zone}`)
  return Number.isNaN(time) ? undefined : (time as WallTime)
}
