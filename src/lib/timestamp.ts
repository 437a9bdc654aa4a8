/** Parses RFC 3339 timestamps. */
import type { WallTime } from './time.ts'

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** Accepts up to nine fractional digits and truncates to milliseconds. `undefined` for anything else. */
export function parseTimestamp(text: string): WallTime | undefined {
  const match = TIMESTAMP.exec(text)
  if (match === null) return undefined
  const [, date, fraction = '', zone] = match
  const time = Date.parse(`${date}${fraction.slice(0, 4)}${zone}`)
  return Number.isNaN(time) ? undefined : (time as WallTime)
}
