/** Go's `time.Time` with the methods that templates can call. */

import {
  civilTime,
  DAYS,
  floorDiv,
  formatTime,
  loadZone,
  MONTHS,
  midnight,
  timeToString,
  UTC,
  unixSeconds,
  ZERO_TIME,
  type Zone,
  type ZonedTime,
  zonedTimeAt,
} from '../../golang/index.ts'
import { DURATION_TYPE } from './duration.ts'
import { signature } from './signature.ts'
import {
  GoInt,
  type GoMethod,
  type GoStruct,
  type GoValue,
  goInt,
  goInt64,
  goStruct,
  type IntType,
  type StructType,
} from './value.ts'

const MONTH_TYPE: IntType = {
  name: 'time.Month',
  kind: 'int',
  text: n => MONTHS[Number(n) - 1] ?? `%!Month(${n})`,
}
const WEEKDAY_TYPE: IntType = {
  name: 'time.Weekday',
  kind: 'int',
  text: n => DAYS[Number(n)] ?? `%!Weekday(${n})`,
}

const getter = (get: (moment: ZonedTime) => GoValue): GoMethod<ZonedTime> => ({
  signature: signature([]),
  run: get,
})
const inZone = (zone: Zone): GoMethod<ZonedTime> => getter(({ ns }) => goTime({ ns, zone }))
const comparison = (run: (a: bigint, b: bigint) => GoValue): GoMethod<ZonedTime> => ({
  signature: signature(['time']),
  run: ({ ns }, [other]) => run(ns, ((other as GoStruct).self as ZonedTime).ns),
})

/** Go saturates durations of more than 292 years. */
function saturateInt64(n: bigint): bigint {
  if (n === BigInt.asIntN(64, n)) return n
  return n < 0n ? -(1n << 63n) : (1n << 63n) - 1n
}

const TIME_TYPE: StructType<ZonedTime> = {
  name: 'time.Time',
  pointer: false,
  fields: new Map(),
  methods: new Map<string, GoMethod<ZonedTime>>([
    [
      'Format',
      { signature: signature(['string']), run: (moment, [layout]) => formatTime(moment, layout as string) },
    ],
    ['String', getter(timeToString)],
    ['Unix', getter(moment => goInt64(unixSeconds(moment)))],
    ['UnixMilli', getter(({ ns }) => goInt64(floorDiv(ns, 1_000_000n)))],
    ['UnixMicro', getter(({ ns }) => goInt64(floorDiv(ns, 1000n)))],
    ['UnixNano', getter(({ ns }) => goInt64(ns))],
    ['Year', getter(moment => goInt(civilTime(moment).year))],
    ['Month', getter(moment => new GoInt(MONTH_TYPE, BigInt(civilTime(moment).month)))],
    ['Day', getter(moment => goInt(civilTime(moment).day))],
    ['Hour', getter(moment => goInt(civilTime(moment).hour))],
    ['Minute', getter(moment => goInt(civilTime(moment).minute))],
    ['Second', getter(moment => goInt(civilTime(moment).second))],
    ['Nanosecond', getter(moment => goInt(civilTime(moment).nanosecond))],
    ['Weekday', getter(moment => new GoInt(WEEKDAY_TYPE, BigInt(civilTime(moment).weekday)))],
    ['YearDay', getter(moment => goInt(civilTime(moment).yearDay))],
    ['IsZero', getter(({ ns }) => ns === ZERO_TIME.ns)],
    ['UTC', inZone(UTC)],
    ['Local', getter(({ ns }) => goTime({ ns, zone: loadZone('Local') ?? UTC }))],
    ['Equal', comparison((a, b) => a === b)],
    ['Before', comparison((a, b) => a < b)],
    ['After', comparison((a, b) => a > b)],
    ['Compare', comparison((a, b) => goInt(a < b ? -1 : a > b ? 1 : 0))],
    ['Sub', comparison((a, b) => new GoInt(DURATION_TYPE, saturateInt64(a - b)))],
    [
      'Add',
      {
        signature: signature(['duration']),
        run: ({ ns, zone }, [span]) => goTime({ ns: ns + (span as bigint), zone }),
      },
    ],
    [
      'AddDate',
      {
        signature: signature(['int', 'int', 'int']),
        run: (moment, [years, months, days]) => {
          const c = civilTime(moment)
          const day = midnight(
            c.year + (years as number),
            c.month + (months as number),
            c.day + (days as number),
          )
          const clock = (c.hour * 3600 + c.minute * 60 + c.second) * 1000
          return goTime(zonedTimeAt(day + clock, c.nanosecond, moment.zone))
        },
      },
    ],
  ]),
  text: timeToString,
  json: moment => `"${formatTime(moment, '2006-01-02T15:04:05.999999999Z07:00')}"`,
  equal: (a, b) => a.ns === b.ns && a.zone === b.zone,
}

export const goTime = (moment: ZonedTime): GoStruct => goStruct(TIME_TYPE, moment)
