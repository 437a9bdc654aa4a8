/** lib/template_time — Go's `time.Time`: what templates may call on it. Knows nothing of access control. */

import {
  civil,
  DAYS,
  floorDiv,
  formatTime,
  loadZone,
  MONTHS,
  type Moment,
  midnight,
  momentOf,
  seconds,
  timeText,
  UTC,
  ZERO_TIME,
  type Zone,
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

const getter = (get: (moment: Moment) => GoValue): GoMethod<Moment> => ({
  signature: signature([]),
  run: get,
})
const inZone = (zone: Zone): GoMethod<Moment> => getter(({ ns }) => goTime({ ns, zone }))
const comparison = (run: (a: bigint, b: bigint) => GoValue): GoMethod<Moment> => ({
  signature: signature(['time']),
  run: ({ ns }, [other]) => run(ns, ((other as GoStruct).self as Moment).ns),
})

/** Longer than 292 years is the longest duration that there is. */
function saturateInt64(n: bigint): bigint {
  if (n === BigInt.asIntN(64, n)) return n
  return n < 0n ? -(1n << 63n) : (1n << 63n) - 1n
}

const TIME_TYPE: StructType<Moment> = {
  name: 'time.Time',
  pointer: false,
  fields: new Map(),
  methods: new Map<string, GoMethod<Moment>>([
    [
      'Format',
      { signature: signature(['string']), run: (moment, [layout]) => formatTime(moment, layout as string) },
    ],
    ['String', getter(timeText)],
    ['Unix', getter(moment => goInt64(seconds(moment)))],
    ['UnixMilli', getter(({ ns }) => goInt64(floorDiv(ns, 1_000_000n)))],
    ['UnixMicro', getter(({ ns }) => goInt64(floorDiv(ns, 1000n)))],
    ['UnixNano', getter(({ ns }) => goInt64(ns))],
    ['Year', getter(moment => goInt(civil(moment).year))],
    ['Month', getter(moment => new GoInt(MONTH_TYPE, BigInt(civil(moment).month)))],
    ['Day', getter(moment => goInt(civil(moment).day))],
    ['Hour', getter(moment => goInt(civil(moment).hour))],
    ['Minute', getter(moment => goInt(civil(moment).minute))],
    ['Second', getter(moment => goInt(civil(moment).second))],
    ['Nanosecond', getter(moment => goInt(civil(moment).nanosecond))],
    ['Weekday', getter(moment => new GoInt(WEEKDAY_TYPE, BigInt(civil(moment).weekday)))],
    ['YearDay', getter(moment => goInt(civil(moment).yearDay))],
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
          const c = civil(moment)
          const day = midnight(
            c.year + (years as number),
            c.month + (months as number),
            c.day + (days as number),
          )
          const clock = (c.hour * 3600 + c.minute * 60 + c.second) * 1000
          return goTime(momentOf(day + clock, c.nanosecond, moment.zone))
        },
      },
    ],
  ]),
  text: timeText,
  json: moment => `"${formatTime(moment, '2006-01-02T15:04:05.999999999Z07:00')}"`,
  equal: (a, b) => a.ns === b.ns && a.zone === b.zone,
}

export const goTime = (moment: Moment): GoStruct => goStruct(TIME_TYPE, moment)
