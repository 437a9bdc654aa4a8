/** lib/template_sprig_dates — sprig's functions on dates. Knows the time only through the clock that it is given. */

import {
  durationText,
  Fault,
  formatTime,
  loadZone,
  type Moment,
  parseGoDuration,
  parseTime,
  roundDuration,
  SECOND,
  UTC,
  ZERO_TIME,
  type Zone,
} from '../../golang/index.ts'
import type { Clock } from '../../lib/time.ts'
import { type FunctionTable, fn } from '../values/signature.ts'
import { goTime } from '../values/time.ts'
import { GoStruct, Int, type Value } from '../values/value.ts'
import { toInt64 } from './cast.ts'

const local = (): Zone => loadZone('Local') ?? UTC
const momentIn = (value: GoStruct): Moment => value.self as Moment

/** `72h` and more in its largest unit. */
function largestUnit(ns: bigint): string {
  const n = ns < 0n ? -ns : ns
  const hour = 3600n * SECOND
  const units: readonly (readonly [string, bigint])[] = [
    ['y', hour * 24n * 365n],
    ['mo', hour * 24n * 30n],
    ['d', hour * 24n],
    ['h', hour],
    ['m', 60n * SECOND],
    ['s', SECOND],
  ]
  const fitting = units.find(([, size]) => n > size)
  return fitting === undefined ? '0s' : `${n / fitting[1]}${fitting[0]}`
}

export function dates(clock: Pick<Clock, 'wall'> | undefined): FunctionTable {
  const now = (): Moment => {
    if (clock === undefined) throw new Fault('there is no clock here')
    return { ns: BigInt(Math.trunc(clock.wall())) * 1_000_000n, zone: local() }
  }
  /** A time, seconds since 1970, or else the present. */
  const momentOf = (value: Value): Moment => {
    if (value instanceof GoStruct && value.type.name === 'time.Time') return momentIn(value)
    if (value instanceof Int && ['int', 'int64'].includes(value.type.name)) {
      return { ns: value.n * SECOND, zone: local() }
    }
    return now()
  }
  const inZone = (layout: string, date: Value, name: string): string =>
    formatTime({ ns: momentOf(date).ns, zone: loadZone(name) ?? UTC }, layout)
  const dateInZone = fn(['string', 'any', 'string'], inZone)
  const modify = fn(['string', 'time'], (span, date) => {
    const { ns, zone } = momentIn(date)
    return goTime({ ns: ns + (parseGoDuration(span) ?? 0n), zone })
  })
  const mustModify = fn(['string', 'time'], (span, date) => {
    const by = parseGoDuration(span)
    if (by === undefined) throw new Fault('invalid duration')
    const { ns, zone } = momentIn(date)
    return goTime({ ns: ns + by, zone })
  })
  return {
    now: fn([], () => goTime(now())),
    date: fn(['string', 'any'], (layout, date) => inZone(layout, date, 'Local')),
    dateInZone,
    date_in_zone: dateInZone,
    htmlDate: fn(['any'], date => inZone('2006-01-02', date, 'Local')),
    htmlDateInZone: fn(['any', 'string'], (date, zone) => inZone('2006-01-02', date, zone)),
    dateModify: modify,
    date_modify: modify,
    mustDateModify: mustModify,
    must_date_modify: mustModify,
    ago: fn(['any'], date => durationText(roundDuration(now().ns - momentOf(date).ns, SECOND))),
    duration: fn(['any'], value => {
      const whole =
        typeof value === 'string' ? (/^[+-]?[0-9]+$/.test(value) ? BigInt(value.replace('+', '')) : 0n) : 0n
      const count = value instanceof Int && value.type.name === 'int64' ? value.n : whole
      return durationText(BigInt.asIntN(64, count * SECOND))
    }),
    durationRound: fn(['any'], value => {
      if (typeof value === 'string') return largestUnit(parseGoDuration(value) ?? 0n)
      if (value instanceof Int && value.type.name === 'int64') return largestUnit(toInt64(value))
      if (value instanceof GoStruct && value.type.name === 'time.Time')
        return largestUnit(now().ns - momentIn(value).ns)
      return '0s'
    }),
    toDate: fn(['string', 'string'], (layout, text) => {
      try {
        return goTime(parseTime(layout, text, local()))
      } catch (error) {
        if (error instanceof Fault) return goTime(ZERO_TIME)
        throw error
      }
    }),
    mustToDate: fn(['string', 'string'], (layout, text) => goTime(parseTime(layout, text, local()))),
    unixEpoch: fn(['time'], date => {
      const { ns } = momentIn(date)
      return (ns % SECOND < 0n ? ns / SECOND - 1n : ns / SECOND).toString()
    }),
  }
}
