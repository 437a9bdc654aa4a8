/** Go's `time.Duration` with the methods that templates can call. */

import { formatGoDuration, NS_PER_SECOND } from '../../golang/index.ts'
import { signature } from './signature.ts'
import { GoInt, type GoMethod, goInt64, type IntType } from './value.ts'

const floatUnits = (unit: bigint): GoMethod<bigint> => ({
  signature: signature([]),
  run: ns => Number(ns) / Number(unit),
})
const wholeUnits = (unit: bigint): GoMethod<bigint> => ({
  signature: signature([]),
  run: ns => goInt64(ns / unit),
})

export const DURATION_TYPE: IntType = {
  name: 'time.Duration',
  kind: 'int64',
  text: formatGoDuration,
  methods: new Map<string, GoMethod<bigint>>([
    ['String', { signature: signature([]), run: formatGoDuration }],
    ['Hours', floatUnits(3600n * NS_PER_SECOND)],
    ['Minutes', floatUnits(60n * NS_PER_SECOND)],
    ['Seconds', floatUnits(NS_PER_SECOND)],
    ['Milliseconds', wholeUnits(1_000_000n)],
    ['Microseconds', wholeUnits(1000n)],
    ['Nanoseconds', wholeUnits(1n)],
    ['Abs', { signature: signature([]), run: ns => new GoInt(DURATION_TYPE, ns < 0n ? -ns : ns) }],
  ]),
}
