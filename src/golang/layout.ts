/** Points in time, their calendar, and formatting by Go's layouts. */

import { NS_PER_SECOND } from './durations.ts'
import { GoError } from './limits.ts'
import { UTC, type Zone } from './zones.ts'

/** A point in time: nanoseconds since the Unix epoch, and the zone to display it in. */
export interface ZonedTime {
  readonly ns: bigint
  readonly zone: Zone
}

/** Go's zero time: the start of the year 1. */
export const ZERO_TIME: ZonedTime = { ns: -62135596800n * NS_PER_SECOND, zone: UTC }

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
export const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

export const floorDiv = (a: bigint, b: bigint): bigint => (a % b < 0n ? a / b - 1n : a / b)
/** Seconds since the Unix epoch, rounded down. */
export const unixSeconds = (time: ZonedTime): bigint => floorDiv(time.ns, NS_PER_SECOND)
const MAX_UNIX_SECONDS = 8_640_000_000_000n

/** Calendar fields of a point in time, in its zone. */
export interface CivilTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
  readonly weekday: number
  readonly yearDay: number
  readonly offset: number
  readonly abbreviation: string
}

/** Throws a `GoError` for a time outside of JavaScript's range. */
export function civilTime(time: ZonedTime): CivilTime {
  const second = unixSeconds(time)
  if (second > MAX_UNIX_SECONDS || second < -MAX_UNIX_SECONDS) throw new GoError('a time is out of range')
  const ms = Number(second) * 1000
  const { offset, abbreviation } = time.zone.at(ms)
  const date = new Date(ms + offset * 1000)
  const year = date.getUTCFullYear()
  const start = midnight(year, 1, 1)
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    nanosecond: Number(time.ns - second * NS_PER_SECOND),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - start) / 86_400_000) + 1,
    offset,
    abbreviation,
  }
}

/** Start of a UTC day in milliseconds since the Unix epoch; months and days outside of their range carry over. */
export function midnight(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getTime()
}

/** The point in time at which the clocks of `zone` show `localMs`. Throws a `GoError` if it is out of range. */
export function zonedTimeAt(localMs: number, nanosecond: number, zone: Zone): ZonedTime {
  if (!Number.isFinite(localMs)) throw new GoError('a time is out of range')
  const first = zone.at(localMs - zone.at(localMs).offset * 1000).offset
  const ms = localMs - first * 1000
  return { ns: BigInt(ms / 1000) * NS_PER_SECOND + BigInt(nanosecond), zone }
}

/** The elements of Go's reference time in a layout; all other text is literal. */
export const LAYOUT_ELEMENT =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|__2|_2(?!006)|2|3|4|5|PM|pm|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|[.,]0+(?![0-9])|[.,]9+(?![0-9])/g

const twoDigits = (n: number): string => String(n).padStart(2, '0')

/** Formats an offset in seconds by a layout element such as `-07:00` or `Z0700`. */
function formatOffset(form: string, offset: number): string {
  if (form.startsWith('Z') && offset === 0) return 'Z'
  const colon = form.includes(':') ? ':' : ''
  const whole = Math.abs(offset)
  const digits = form.replace(/[^0-9]/g, '').length
  let out = (offset < 0 ? '-' : '+') + twoDigits(Math.floor(whole / 3600))
  if (digits >= 4) out += colon + twoDigits(Math.floor(whole / 60) % 60)
  if (digits >= 6) out += colon + twoDigits(whole % 60)
  return out
}

/** Go's `Time.Format`. */
export function formatTime(time: ZonedTime, layout: string): string {
  const c = civilTime(time)
  return layout.replace(LAYOUT_ELEMENT, part => {
    switch (part) {
      case 'January':
        return MONTHS[c.month - 1] as string
      case 'Jan':
        return (MONTHS[c.month - 1] as string).slice(0, 3)
      case 'Monday':
        return DAYS[c.weekday] as string
      case 'Mon':
        return (DAYS[c.weekday] as string).slice(0, 3)
      case 'MST':
        return c.abbreviation === '' ? formatOffset('-0700', c.offset) : c.abbreviation
      case '2006':
        return c.year < 0 ? `-${String(-c.year).padStart(4, '0')}` : String(c.year).padStart(4, '0')
      case '06':
        return twoDigits(Math.abs(c.year) % 100)
      case '01':
        return twoDigits(c.month)
      case '1':
        return String(c.month)
      case '02':
        return twoDigits(c.day)
      case '_2':
        return String(c.day).padStart(2)
      case '2':
        return String(c.day)
      case '002':
        return String(c.yearDay).padStart(3, '0')
      case '__2':
        return String(c.yearDay).padStart(3)
      case '15':
        return twoDigits(c.hour)
      case '03':
        return twoDigits(c.hour % 12 || 12)
      case '3':
        return String(c.hour % 12 || 12)
      case '04':
        return twoDigits(c.minute)
      case '4':
        return String(c.minute)
      case '05':
        return twoDigits(c.second)
      case '5':
        return String(c.second)
      case 'PM':
        return c.hour >= 12 ? 'PM' : 'AM'
      case 'pm':
        return c.hour >= 12 ? 'pm' : 'am'
    }
    if (/^[.,]/.test(part)) {
      const digits = String(c.nanosecond)
        .padStart(9, '0')
        .slice(0, part.length - 1)
        .padEnd(part.length - 1, '0')
      if (part[1] === '0') return part[0] + digits
      const trimmed = digits.replace(/0+$/, '')
      return trimmed === '' ? '' : part[0] + trimmed
    }
    return formatOffset(part, c.offset)
  })
}

/** Go's `Time.String`. */
export const timeToString = (time: ZonedTime): string =>
  formatTime(time, '2006-01-02 15:04:05.999999999 -0700 MST')
