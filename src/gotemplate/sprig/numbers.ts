/** sprig's arithmetic. */
import { GoError } from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { type FunctionTable, goFunc } from '../values/signature.ts'
import { GoInt, type GoValue, goInt64, INT } from '../values/value.ts'
import { toFloat64, toInt64 } from './cast.ts'

const wrapInt64 = (n: bigint): bigint => BigInt.asIntN(64, n)

function divisor(value: GoValue): bigint {
  const n = toInt64(value)
  if (n === 0n) throw new GoError('integer divide by zero')
  return n
}

/** The decimal number n × 10^-places. */
interface Decimal {
  readonly n: bigint
  readonly places: number
}
function decimal(value: number): Decimal {
  if (!Number.isFinite(value)) throw new GoError('cannot make a decimal of an infinite number')
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?]
  const places = fraction.length - Number(exponent)
  const n = BigInt(whole + fraction)
  return places >= 0 ? { n, places } : { n: n * 10n ** BigInt(-places), places: 0 }
}
const scaleTo = ({ n, places }: Decimal, to: number): bigint => n * 10n ** BigInt(to - places)
const toNumber = ({ n, places }: Decimal): number => Number(`${n}e-${places}`)

type Operation = (a: Decimal, b: Decimal) => Decimal
const aligned =
  (run: (a: bigint, b: bigint) => bigint): Operation =>
  (a, b) => {
    const places = Math.max(a.places, b.places)
    return { n: run(scaleTo(a, places), scaleTo(b, places)), places }
  }
const ADD = aligned((a, b) => a + b)
const SUBTRACT = aligned((a, b) => a - b)
const MULTIPLY: Operation = (a, b) => ({ n: a.n * b.n, places: a.places + b.places })
/** Rounds to 16 places, halves away from zero, as shopspring/decimal does. */
const DIVIDE: Operation = (a, b) => {
  if (b.n === 0n) throw new GoError('decimal division by 0')
  const places = Math.max(a.places, b.places)
  const top = scaleTo(a, places) * 10n ** 16n
  const bottom = scaleTo(b, places)
  const quotient = top / bottom
  const rest = top % bottom
  const up = (rest < 0n ? -rest : rest) * 2n >= (bottom < 0n ? -bottom : bottom)
  const sign = top < 0n === bottom < 0n ? 1n : -1n
  return { n: up ? quotient + sign : quotient, places: 16 }
}

const foldDecimals = (start: GoValue, rest: readonly GoValue[], run: Operation): number =>
  toNumber(rest.reduce<Decimal>((sum, one) => run(sum, decimal(toFloat64(one))), decimal(toFloat64(start))))

const selectInt64 = (pick: (a: bigint, b: bigint) => boolean) =>
  goFunc(['any', '...any'], (first, ...rest) =>
    goInt64(rest.map(toInt64).reduce((best, one) => (pick(one, best) ? one : best), toInt64(first))),
  )
const max = selectInt64((a, b) => a > b)

/** sprig's `round` uses `math.Modf`: fractions of `on` or more are rounded up, also for negative numbers. */
function round(value: number, places: number, on: number): number {
  const power = 10 ** places
  const digit = power * value
  const fraction = digit - Math.trunc(digit)
  return (fraction >= on ? Math.ceil(digit) : Math.floor(digit)) / power
}

export const NUMBER_FUNCTIONS: FunctionTable = {
  int64: goFunc(['any'], value => goInt64(toInt64(value))),
  int: goFunc(['any'], value => new GoInt(INT, toInt64(value))),
  float64: goFunc(['any'], toFloat64),
  atoi: goFunc(['string'], text => {
    if (!/^[+-]?[0-9]+$/.test(text)) return new GoInt(INT, 0n)
    const n = BigInt(text.replace('+', ''))
    const limit = 1n << 63n
    return new GoInt(INT, n >= limit ? limit - 1n : n < -limit ? -limit : n)
  }),
  toDecimal: goFunc(['any'], value => {
    const text = sprint(value)
    if (!/^[+-]?[0-7]+$/.test(text)) return goInt64(0)
    const n = BigInt(`0o${text.replace(/^[+-]/, '')}`)
    return goInt64(n >= 1n << 63n ? 0n : text.startsWith('-') ? -n : n)
  }),
  add1: goFunc(['any'], value => goInt64(toInt64(value) + 1n)),
  add: goFunc(['...any'], (...values) =>
    goInt64(values.reduce<bigint>((sum, one) => sum + toInt64(one), 0n)),
  ),
  sub: goFunc(['any', 'any'], (a, b) => goInt64(toInt64(a) - toInt64(b))),
  div: goFunc(['any', 'any'], (a, b) => goInt64(toInt64(a) / divisor(b))),
  mod: goFunc(['any', 'any'], (a, b) => goInt64(toInt64(a) % divisor(b))),
  mul: goFunc(['any', '...any'], (first, ...rest) =>
    goInt64(rest.reduce<bigint>((product, one) => wrapInt64(product * toInt64(one)), toInt64(first))),
  ),
  add1f: goFunc(['any'], value => foldDecimals(value, [1], ADD)),
  addf: goFunc(['...any'], (...values) => foldDecimals(0, values, ADD)),
  subf: goFunc(['any', '...any'], (first, ...rest) => foldDecimals(first, rest, SUBTRACT)),
  mulf: goFunc(['any', '...any'], (first, ...rest) => foldDecimals(first, rest, MULTIPLY)),
  divf: goFunc(['any', '...any'], (first, ...rest) => foldDecimals(first, rest, DIVIDE)),
  max,
  biggest: max,
  min: selectInt64((a, b) => a < b),
  maxf: goFunc(['any', '...any'], (first, ...rest) => Math.max(toFloat64(first), ...rest.map(toFloat64))),
  minf: goFunc(['any', '...any'], (first, ...rest) => Math.min(toFloat64(first), ...rest.map(toFloat64))),
  ceil: goFunc(['any'], value => Math.ceil(toFloat64(value))),
  floor: goFunc(['any'], value => Math.floor(toFloat64(value))),
  round: goFunc(['any', 'int', '...float64'], (value, places, on = 0.5) =>
    round(toFloat64(value), places, on),
  ),
}
