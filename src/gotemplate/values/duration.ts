/** lib/template_duration — Go's `time.Duration`: parse, print, and what templates may call on it. Knows nothing of access control. */

import { durationText, SECOND } from '../../golang/index.ts'
import { signature } from './signature.ts'
import { Int, type IntType, int64, type Method } from './value.ts'

const inUnits = (unit: bigint): Method<bigint> => ({
  signature: signature([]),
  run: ns => Number(ns) / Number(unit),
})
const whole = (unit: bigint): Method<bigint> => ({
  signature: signature([]),
  run: ns => int64(ns / unit),
})

export const DURATION: IntType = {
  name: 'time.Duration',
  kind: 'int64',
  text: durationText,
  methods: new Map<string, Method<bigint>>([
    ['String', { signature: signature([]), run: durationText }],
    ['Hours', inUnits(3600n * SECOND)],
    ['Minutes', inUnits(60n * SECOND)],
    ['Seconds', inUnits(SECOND)],
    ['Milliseconds', whole(1_000_000n)],
    ['Microseconds', whole(1000n)],
    ['Nanoseconds', whole(1n)],
    ['Abs', { signature: signature([]), run: ns => new Int(DURATION, ns < 0n ? -ns : ns) }],
  ]),
}
