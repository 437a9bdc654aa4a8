/** lib/template_sprig_numbers — sprig's arithmetic. Knows nothing of access control. */
import { Fault } from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { type FunctionTable, fn } from '../values/signature.ts'
import { INT, Int, int64, type Value } from '../values/value.ts'
import { toFloat64, toInt64 } from './cast.ts'

const wrap = (n: bigint): bigint => BigInt.asIntN(64, n)

function divisor(value: Value): bigint {
  const n = toInt64(value)
  if (n === 0n) throw new Fault('integer divide by zero')
  return n
}

/** A decimal number: n × 10^-places. */
interface Decimal {
  readonly n: bigint
  readonly places: number
}
function decimal(value: number): Decimal {
  if (!Number.isFinite(value)) throw new Fault('cannot make a decimal of an infinite number')
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?]
  const places = fraction.length - Number(exponent)
  const n = BigInt(whole + fraction)
  return places >= 0 ? { n, places } : { n: n * 10n ** BigInt(-places), places: 0 }
}
const scaled = ({ n, places }: Decimal, to: number): bigint => n * 10n ** BigInt(to - places)
const number = ({ n, places }: Decimal): number => Number(`${n}e-${places}`)

type Operation = (a: Decimal, b: Decimal) => Decimal
const aligned =
  (run: (a: bigint, b: bigint) => bigint): Operation =>
  (a, b) => {
    const places = Math.max(a.places, b.places)
    return { n: run(scaled(a, places), scaled(b, places)), places }
  }
const ADD = aligned((a, b) => a + b)
const SUBTRACT = aligned((a, b) => a - b)
const MULTIPLY: Operation = (a, b) => ({ n: a.n * b.n, places: a.places + b.places })
/** To 16 places, halves away from zero. */
const DIVIDE: Operation = (a, b) => {
  if (b.n === 0n) throw new Fault('decimal division by 0')
  const places = Math.max(a.places, b.places)
  const top = scaled(a, places) * 10n ** 16n
  const bottom = scaled(b, places)
  const quotient = top / bottom
  const rest = top % bottom
  const up = (rest < 0n ? -rest : rest) * 2n >= (bottom < 0n ? -bottom : bottom)
  const sign = top < 0n === bottom < 0n ? 1n : -1n
  return { n: up ? quotient + sign : quotient, places: 16 }
}

const fold = (start: Value, rest: readonly Value[], run: Operation): number =>
  number(rest.reduce<Decimal>((sum, one) => run(sum, decimal(toFloat64(one))), decimal(toFloat64(start))))

const most = (pick: (a: bigint, b: bigint) => boolean) =>
  fn(['any', '...any'], (first, ...rest) =>
    int64(rest.map(toInt64).reduce((best, one) => (pick(one, best) ? one : best), toInt64(first))),
  )
const max = most((a, b) => a > b)

/** Go's `Math.Modf`-based rounding: halves go up, also those of negative numbers. */
function round(value: number, places: number, on: number): number {
  const power = 10 ** places
  const digit = power * value
  const fraction = digit - Math.trunc(digit)
  return (fraction >= on ? Math.ceil(digit) : Math.floor(digit)) / power
}

export const NUMBERS: FunctionTable = {
  int64: fn(['any'], value => int64(toInt64(value))),
  int: fn(['any'], value => new Int(INT, toInt64(value))),
  float64: fn(['any'], toFloat64),
  atoi: fn(['string'], text => {
    if (!/^[+-]?[0-9]+$/.test(text)) return new Int(INT, 0n)
    const n = BigInt(text.replace('+', ''))
    const limit = 1n << 63n
    return new Int(INT, n >= limit ? limit - 1n : n < -limit ? -limit : n)
  }),
  toDecimal: fn(['any'], value => {
    const text = sprint(value)
    if (!/^[+-]?[0-7]+$/.test(text)) return int64(0)
    const n = BigInt(`0o${text.replace(/^[+-]/, '')}`)
    return int64(n >= 1n << 63n ? 0n : text.startsWith('-') ? -n : n)
  }),
  add1: fn(['any'], value => int64(toInt64(value) + 1n)),
  add: fn(['...any'], (...values) => int64(values.reduce<bigint>((sum, one) => sum + toInt64(one), 0n))),
  sub: fn(['any', 'any'], (a, b) => int64(toInt64(a) - toInt64(b))),
  div: fn(['any', 'any'], (a, b) => int64(toInt64(a) / divisor(b))),
  mod: fn(['any', 'any'], (a, b) => int64(toInt64(a) % divisor(b))),
  mul: fn(['any', '...any'], (first, ...rest) =>
    int64(rest.reduce<bigint>((product, one) => wrap(product * toInt64(one)), toInt64(first))),
  ),
  add1f: fn(['any'], value => fold(value, [1], ADD)),
  addf: fn(['...any'], (...values) => fold(0, values, ADD)),
  subf: fn(['any', '...any'], (first, ...rest) => fold(first, rest, SUBTRACT)),
  mulf: fn(['any', '...any'], (first, ...rest) => fold(first, rest, MULTIPLY)),
  divf: fn(['any', '...any'], (first, ...rest) => fold(first, rest, DIVIDE)),
  max,
  biggest: max,
  min: most((a, b) => a < b),
  maxf: fn(['any', '...any'], (first, ...rest) => Math.max(toFloat64(first), ...rest.map(toFloat64))),
  minf: fn(['any', '...any'], (first, ...rest) => Math.min(toFloat64(first), ...rest.map(toFloat64))),
  ceil: fn(['any'], value => Math.ceil(toFloat64(value))),
  floor: fn(['any'], value => Math.floor(toFloat64(value))),
  round: fn(['any', 'int', '...float64'], (value, places, on = 0.5) => round(toFloat64(value), places, on)),
}
