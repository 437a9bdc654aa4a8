/** Parses a time by a layout of Go's time package. */

import { DAYS, LAYOUT_ELEMENT, MONTHS, midnight, type ZonedTime, zonedTimeAt } from './layout.ts'
import { GoError } from './limits.ts'
import { fixedZone, UTC, type Zone } from './zones.ts'

interface TimeFields {
  year: number
  month: number
  day: number
  yearDay: number
  hour: number
  minute: number
  second: number
  nanosecond: number
  meridiem: '' | 'am' | 'pm'
  offset: number | undefined
  abbreviation: string
  utc: boolean
}

/** Go's `time.ParseInLocation`. Throws a `GoError` where Go returns an error. */
export function parseTime(layout: string, text: string, local: Zone): ZonedTime {
  const parts: TimeFields = {
    year: 0,
    month: -1,
    day: -1,
    yearDay: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    meridiem: '',
    offset: undefined,
    abbreviation: '',
    utc: false,
  }
  let rest = text
  const fail = (): never => {
    throw new GoError('a time does not have the form of its layout')
  }
  const take = (pattern: RegExp): string => {
    const found = pattern.exec(rest)?.[0] ?? fail()
    rest = rest.slice(found.length)
    return found
  }
  const takeNumber = (pattern: RegExp, min: number, max: number): number => {
    const n = Number(take(pattern))
    return n >= min && n <= max ? n : fail()
  }
  /** A space in the layout matches any number of spaces. */
  const takeLiteral = (expected: string): void => {
    let wanted = expected
    while (wanted !== '') {
      if (wanted[0] === ' ') {
        if (rest !== '' && rest[0] !== ' ') fail()
        wanted = wanted.replace(/^ +/, '')
        rest = rest.replace(/^ +/, '')
        continue
      }
      if (rest[0] !== wanted[0]) fail()
      wanted = wanted.slice(1)
      rest = rest.slice(1)
    }
  }
  const takeName = (names: readonly string[], length?: number): number => {
    const index = names.findIndex(one =>
      rest.toLowerCase().startsWith((length === undefined ? one : one.slice(0, length)).toLowerCase()),
    )
    if (index < 0) fail()
    rest = rest.slice(length ?? (names[index] as string).length)
    return index
  }

  const words = [...layout.matchAll(LAYOUT_ELEMENT)]
  let at = 0
  words.forEach((word, i) => {
    takeLiteral(layout.slice(at, word.index))
    at = word.index + word[0].length
    const part = word[0]
    switch (part) {
      case '2006':
        parts.year = takeNumber(/^[0-9]{4}/, 0, 9999)
        break
      case '06': {
        const n = takeNumber(/^[0-9]{2}/, 0, 99)
        parts.year = n >= 69 ? 1900 + n : 2000 + n
        break
      }
      case 'January':
        parts.month = takeName(MONTHS) + 1
        break
      case 'Jan':
        parts.month = takeName(MONTHS, 3) + 1
        break
      case 'Monday':
        takeName(DAYS)
        break
      case 'Mon':
        takeName(DAYS, 3)
        break
      case '01':
        parts.month = takeNumber(/^[0-9]{2}/, 1, 12)
        break
      case '1':
        parts.month = takeNumber(/^[0-9]{1,2}/, 1, 12)
        break
      case '02':
        parts.day = takeNumber(/^[0-9]{2}/, 0, 99)
        break
      case '_2':
        parts.day = takeNumber(/^ ?[0-9]{1,2}/, 0, 99)
        break
      case '2':
        parts.day = takeNumber(/^[0-9]{1,2}/, 0, 99)
        break
      case '002':
        parts.yearDay = takeNumber(/^[0-9]{3}/, 0, 999)
        break
      case '__2':
        parts.yearDay = takeNumber(/^ {0,2}[0-9]{1,3}/, 0, 999)
        break
      case '15':
        parts.hour = takeNumber(/^[0-9]{1,2}/, 0, 23)
        break
      case '03':
        parts.hour = takeNumber(/^[0-9]{2}/, 0, 12)
        break
      case '3':
        parts.hour = takeNumber(/^[0-9]{1,2}/, 0, 12)
        break
      case '04':
        parts.minute = takeNumber(/^[0-9]{2}/, 0, 59)
        break
      case '4':
        parts.minute = takeNumber(/^[0-9]{1,2}/, 0, 59)
        break
      case '05':
      case '5': {
        parts.second = takeNumber(part === '05' ? /^[0-9]{2}/ : /^[0-9]{1,2}/, 0, 59)
        // Go accepts a fraction after the seconds even if the layout has none.
        const next = words[i + 1]
        const own = next !== undefined && next.index === at && /^[.,]/.test(next[0])
        if (!own && /^[.,][0-9]/.test(rest)) parts.nanosecond = nanosecondsOf(take(/^[.,][0-9]+/))
        break
      }
      case 'PM':
      case 'pm':
        parts.meridiem = take(part === 'PM' ? /^[AP]M/ : /^[ap]m/).toLowerCase() as 'am' | 'pm'
        break
      case 'MST': {
        if (rest.startsWith('UTC')) parts.utc = true
        parts.abbreviation = take(/^(?:UTC|GMT[+-][0-9]{1,2}|ChST|MeST|[+-][0-9]{2}(?:[0-9]{2})?|[A-Z]{3,5})/)
        break
      }
      default:
        if (/^[.,]/.test(part)) {
          if (part[1] === '0')
            parts.nanosecond = nanosecondsOf(take(new RegExp(`^[.,][0-9]{${part.length - 1}}`)))
          else if (/^[.,][0-9]/.test(rest)) parts.nanosecond = nanosecondsOf(take(/^[.,][0-9]{1,9}/))
        } else if (part.startsWith('Z') && rest.startsWith('Z')) {
          rest = rest.slice(1)
          parts.utc = true
        } else parts.offset = takeOffset(part, take)
    }
  })
  takeLiteral(layout.slice(at))
  if (rest !== '') fail()
  return toZonedTime(parts, local, fail)
}

const nanosecondsOf = (text: string): number => Number(text.slice(1, 10).padEnd(9, '0'))

/** Parses an offset such as `+01:00` by a layout element. Returns seconds. */
function takeOffset(form: string, take: (pattern: RegExp) => string): number {
  const colon = form.includes(':') ? ':' : ''
  const more = form.replace(/[^0-9]/g, '').length / 2 - 1
  const found = take(new RegExp(`^[+-][0-9]{2}(?:${colon}[0-9]{2}){${more}}`))
  const [hours = 0, minutes = 0, seconds = 0] = (found.slice(1).replaceAll(':', '').match(/../g) ?? []).map(
    Number,
  )
  const total = hours * 3600 + minutes * 60 + seconds
  return found.startsWith('-') ? -total : total
}

function toZonedTime(parts: TimeFields, local: Zone, fail: () => never): ZonedTime {
  let { month, day, hour } = parts
  if (parts.meridiem === 'pm' && hour < 12) hour += 12
  else if (parts.meridiem === 'am' && hour === 12) hour = 0
  if (parts.yearDay >= 0) {
    const date = new Date(midnight(parts.year, 1, parts.yearDay))
    if (parts.yearDay < 1 || date.getUTCFullYear() !== parts.year) fail()
    if (month >= 0 && month !== date.getUTCMonth() + 1) fail()
    if (day >= 0 && day !== date.getUTCDate()) fail()
    month = date.getUTCMonth() + 1
    day = date.getUTCDate()
  }
  if (month < 0) month = 1
  if (day < 0) day = 1
  if (day < 1 || new Date(midnight(parts.year, month, day)).getUTCMonth() !== month - 1) fail()
  const clock = midnight(parts.year, month, day) + ((hour * 60 + parts.minute) * 60 + parts.second) * 1000
  if (parts.utc) return zonedTimeAt(clock, parts.nanosecond, UTC)
  if (parts.offset !== undefined) {
    const moment = zonedTimeAt(clock, parts.nanosecond, fixedZone(parts.abbreviation, parts.offset))
    const localOffset = local.at(clock - parts.offset * 1000)
    const same =
      localOffset.offset === parts.offset &&
      (parts.abbreviation === '' || localOffset.abbreviation === parts.abbreviation)
    return same ? { ns: moment.ns, zone: local } : moment
  }
  if (parts.abbreviation !== '') {
    const localTime = zonedTimeAt(clock, parts.nanosecond, local)
    if (local.at(clock).abbreviation === parts.abbreviation) return localTime
    // For an unknown abbreviation Go interprets the time as UTC and creates a zone of that name.
    const hours = /^GMT([+-][0-9]{1,2})/.exec(parts.abbreviation)?.[1]
    return {
      ns: zonedTimeAt(clock, parts.nanosecond, UTC).ns,
      zone: fixedZone(parts.abbreviation, Number(hours ?? 0) * 3600),
    }
  }
  return zonedTimeAt(clock, parts.nanosecond, local)
}
