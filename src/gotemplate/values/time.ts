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
import { DURATION } from './duration.ts'
import { signature } from './signature.ts'
import {
  type GoStruct,
  goStruct,
  Int,
  type IntType,
  int,
  int64,
  type Method,
  type StructType,
  type Value,
} from './value.ts'

const MONTH: IntType = {
  name: 'time.Month',
  kind: 'int',
  text: n => MONTHS[Number(n) - 1] ?? `%!Month(${n})`,
}
const WEEKDAY: IntType = {
  name: 'time.Weekday',
  kind: 'int',
  text: n => DAYS[Number(n)] ?? `%!Weekday(${n})`,
}

const number = (get: (moment: Moment) => Value): Method<Moment> => ({ signature: signature([]), run: get })
const inZone = (zone: Zone): Method<Moment> => number(({ ns }) => goTime({ ns, zone }))
const against = (run: (a: bigint, b: bigint) => Value): Method<Moment> => ({
  signature: signature(['time']),
  run: ({ ns }, [other]) => run(ns, ((other as GoStruct).self as Moment).ns),
})

/** Longer than 292 years is the longest duration that there is. */
function saturated(n: bigint): bigint {
  if (n === BigInt.asIntN(64, n)) return n
  return n < 0n ? -(1n << 63n) : (1n << 63n) - 1n
}

const TIME: StructType<Moment> = {
  name: 'time.Time',
  pointer: false,
  fields: new Map(),
  methods: new Map<string, Method<Moment>>([
    [
      'Format',
      { signature: signature(['string']), run: (moment, [layout]) => formatTime(moment, layout as string) },
    ],
    ['String', number(timeText)],
    ['Unix', number(moment => int64(seconds(moment)))],
    ['UnixMilli', number(({ ns }) => int64(floorDiv(ns, 1_000_000n)))],
    ['UnixMicro', number(({ ns }) => int64(floorDiv(ns, 1000n)))],
    ['UnixNano', number(({ ns }) => int64(ns))],
    ['Year', number(moment => int(civil(moment).year))],
    ['Month', number(moment => new Int(MONTH, BigInt(civil(moment).month)))],
    ['Day', number(moment => int(civil(moment).day))],
    ['Hour', number(moment => int(civil(moment).hour))],
    ['Minute', number(moment => int(civil(moment).minute))],
    ['Second', number(moment => int(civil(moment).second))],
    ['Nanosecond', number(moment => int(civil(moment).nanosecond))],
    ['Weekday', number(moment => new Int(WEEKDAY, BigInt(civil(moment).weekday)))],
    ['YearDay', number(moment => int(civil(moment).yearDay))],
    ['IsZero', number(({ ns }) => ns === ZERO_TIME.ns)],
    ['UTC', inZone(UTC)],
    ['Local', number(({ ns }) => goTime({ ns, zone: loadZone('Local') ?? UTC }))],
    ['Equal', against((a, b) => a === b)],
    ['Before', against((a, b) => a < b)],
    ['After', against((a, b) => a > b)],
    ['Compare', against((a, b) => int(a < b ? -1 : a > b ? 1 : 0))],
    ['Sub', against((a, b) => new Int(DURATION, saturated(a - b)))],
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

export const goTime = (moment: Moment): GoStruct => goStruct(TIME, moment)
