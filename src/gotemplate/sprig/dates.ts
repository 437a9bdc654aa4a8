/** sprig's functions on dates. */

import {
  formatGoDuration,
  formatTime,
  GoError,
  loadZone,
  NS_PER_SECOND,
  parseGoDuration,
  parseTime,
  roundDuration,
  UTC,
  ZERO_TIME,
  type Zone,
  type ZonedTime,
} from '../../golang/index.ts'
import type { Clock } from '../../lib/time.ts'
import { type FunctionTable, goFunc } from '../values/signature.ts'
import { goTime } from '../values/time.ts'
import { GoInt, GoStruct, type GoValue } from '../values/value.ts'
import { toInt64 } from './cast.ts'

const localZone = (): Zone => loadZone('Local') ?? UTC
const zonedTimeIn = (value: GoStruct): ZonedTime => value.self as ZonedTime

/** The duration as a number of its largest unit, such as `3d` for 72 hours. */
function largestUnit(ns: bigint): string {
  const n = ns < 0n ? -ns : ns
  const hour = 3600n * NS_PER_SECOND
  const units: readonly (readonly [string, bigint])[] = [
    ['y', hour * 24n * 365n],
    ['mo', hour * 24n * 30n],
    ['d', hour * 24n],
    ['h', hour],
    ['m', 60n * NS_PER_SECOND],
    ['s', NS_PER_SECOND],
  ]
  const fitting = units.find(([, size]) => n > size)
  return fitting === undefined ? '0s' : `${n / fitting[1]}${fitting[0]}`
}

export function createDateFunctions(clock: Pick<Clock, 'wall'> | undefined): FunctionTable {
  const now = (): ZonedTime => {
    if (clock === undefined) throw new GoError('no clock is available')
    return { ns: BigInt(Math.trunc(clock.wall())) * 1_000_000n, zone: localZone() }
  }
  /** Accepts a time or seconds since the Unix epoch; anything else means now. */
  const momentOf = (value: GoValue): ZonedTime => {
    if (value instanceof GoStruct && value.type.name === 'time.Time') return zonedTimeIn(value)
    if (value instanceof GoInt && ['int', 'int64'].includes(value.type.name)) {
      return { ns: value.n * NS_PER_SECOND, zone: localZone() }
    }
    return now()
  }
  const inZone = (layout: string, date: GoValue, name: string): string =>
    formatTime({ ns: momentOf(date).ns, zone: loadZone(name) ?? UTC }, layout)
  const dateInZone = goFunc(['string', 'any', 'string'], inZone)
  const modify = goFunc(['string', 'time'], (span, date) => {
    const { ns, zone } = zonedTimeIn(date)
    return goTime({ ns: ns + (parseGoDuration(span) ?? 0n), zone })
  })
  const mustModify = goFunc(['string', 'time'], (span, date) => {
    const by = parseGoDuration(span)
    if (by === undefined) throw new GoError('invalid duration')
    const { ns, zone } = zonedTimeIn(date)
    return goTime({ ns: ns + by, zone })
  })
  return {
    now: goFunc([], () => goTime(now())),
    date: goFunc(['string', 'any'], (layout, date) => inZone(layout, date, 'Local')),
    dateInZone,
    date_in_zone: dateInZone,
    htmlDate: goFunc(['any'], date => inZone('2006-01-02', date, 'Local')),
    htmlDateInZone: goFunc(['any', 'string'], (date, zone) => inZone('2006-01-02', date, zone)),
    dateModify: modify,
    date_modify: modify,
    mustDateModify: mustModify,
    must_date_modify: mustModify,
    ago: goFunc(['any'], date =>
      formatGoDuration(roundDuration(now().ns - momentOf(date).ns, NS_PER_SECOND)),
    ),
    duration: goFunc(['any'], value => {
      const whole =
        typeof value === 'string' ? (/^[+-]?[0-9]+$/.test(value) ? BigInt(value.replace('+', '')) : 0n) : 0n
      const count = value instanceof GoInt && value.type.name === 'int64' ? value.n : whole
      return formatGoDuration(BigInt.asIntN(64, count * NS_PER_SECOND))
    }),
    durationRound: goFunc(['any'], value => {
      if (typeof value === 'string') return largestUnit(parseGoDuration(value) ?? 0n)
      if (value instanceof GoInt && value.type.name === 'int64') return largestUnit(toInt64(value))
      if (value instanceof GoStruct && value.type.name === 'time.Time')
        return largestUnit(now().ns - zonedTimeIn(value).ns)
      return '0s'
    }),
    toDate: goFunc(['string', 'string'], (layout, text) => {
      try {
        return goTime(parseTime(layout, text, localZone()))
      } catch (error) {
        if (error instanceof GoError) return goTime(ZERO_TIME)
        throw error
      }
    }),
    mustToDate: goFunc(['string', 'string'], (layout, text) => goTime(parseTime(layout, text, localZone()))),
    unixEpoch: goFunc(['time'], date => {
      const { ns } = zonedTimeIn(date)
      return (ns % NS_PER_SECOND < 0n ? ns / NS_PER_SECOND - 1n : ns / NS_PER_SECOND).toString()
    }),
  }
}
