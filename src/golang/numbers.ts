/** Parses numbers as Go's strconv package and Go's source code do. */
import { unquoteString } from './strings.ts'

/** An untyped constant: its value in every type that can hold it. `ideal` is its type where the context has none. */
export interface NumberConstant {
  readonly int: bigint | undefined
  readonly float: number | undefined
  readonly ideal: 'int' | 'float' | 'overflow'
}

const INTEGER =
  /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/
const DECIMAL =
  /^[+-]?(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9]+)?$/
const HEX_FLOAT = /^([+-]?)0[xX]([0-9a-fA-F_]*)(?:\.([0-9a-fA-F_]*))?[pP]([+-]?[0-9]+)$/
/** A longer text does not fit into 64 bits, unless it has leading zeros. */
const MAX_INTEGER_CHARS = 1000
const MAX_INT64 = (1n << 63n) - 1n
const MIN_INT64 = -(1n << 63n)

/** Go's `strconv.ParseInt(text, 0, 64)`; `undefined` where Go returns an error. */
export function parseInt64(text: string): bigint | undefined {
  const n = parseUnboundedInteger(text)
  return n !== undefined && n >= MIN_INT64 && n <= MAX_INT64 ? n : undefined
}

function parseUnboundedInteger(text: string): bigint | undefined {
  const found = text.length > MAX_INTEGER_CHARS ? null : INTEGER.exec(text)
  if (found === null) return undefined
  const digits = (found[2] as string).replaceAll('_', '')
  const n = /^0[0-7]/.test(digits) ? BigInt(`0o${digits}`) : BigInt(digits)
  return found[1] === '-' ? -n : n
}

/** Go's `strconv.ParseFloat(text, 64)`, except for `inf` and `nan`; `undefined` where Go returns an error. */
export function parseFloat64(text: string): number | undefined {
  const hex = HEX_FLOAT.exec(text)
  if (hex !== null) {
    const [, sign, whole = '', fraction = '', exponent] = hex
    const digits = (whole + fraction).replaceAll('_', '')
    if (digits === '') return undefined
    const value = Number(BigInt(`0x${digits}`)) * 2 ** (Number(exponent) - 4 * fraction.length)
    if (!Number.isFinite(value)) return undefined
    return sign === '-' ? -value : value
  }
  if (!DECIMAL.test(text)) return undefined
  const value = Number(text.replaceAll('_', ''))
  return Number.isFinite(value) ? value : undefined
}

/** Parses a number or character literal. Returns an `Error` for an invalid one. */
export function parseNumberConstant(text: string): NumberConstant | Error {
  if (text.startsWith("'")) {
    const char = unquoteString(text.slice(1, -1), "'")
    if (char === undefined || [...char].length !== 1)
      return new Error(`malformed character constant: ${text}`)
    const code = char.codePointAt(0) as number
    return { int: BigInt(code), float: code, ideal: 'int' }
  }
  const whole = parseUnboundedInteger(text)
  if (whole !== undefined) {
    if (whole >= MIN_INT64 && whole <= MAX_INT64) return { int: whole, float: Number(whole), ideal: 'int' }
    if (whole > 0n && whole < 1n << 64n) return { int: undefined, float: Number(whole), ideal: 'overflow' }
  }
  const float = parseFloat64(text)
  if (float === undefined) return new Error(`illegal number syntax: "${text}"`)
  if (!/[.eEpP]/.test(text)) return new Error(`integer overflow: "${text}"`)
  const int = Number.isInteger(float) && Math.abs(float) < 2 ** 63 ? BigInt(float) : undefined
  return { int, float, ideal: 'float' }
}
