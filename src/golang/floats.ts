/** Formats floating-point numbers as Go's strconv and fmt packages do. */

/** The number 0.digits × 10^point. */
interface Decimal {
  readonly digits: string
  readonly point: number
}

/** The fewest digits that parse to the same number. */
function shortestDecimal(value: number): Decimal {
  if (value === 0) return { digits: '0', point: 1 }
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 }
}

/** The value times 10^places, rounded half to even by its exact binary value; JavaScript's own methods round half up. */
function scaleAndRound(value: number, places: number): bigint {
  const { mantissa, exponent: shift } = decomposeFloat(value)
  let numerator = mantissa
  let denominator = 1n
  if (shift > 0) numerator <<= BigInt(shift)
  else denominator <<= BigInt(-shift)
  if (places > 0) numerator *= 10n ** BigInt(places)
  else denominator *= 10n ** BigInt(-places)
  const quotient = numerator / denominator
  const twice = (numerator % denominator) * 2n
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient
}

/** No double has more decimal places. */
const MAX_DECIMAL_PLACES = 1100

/** Rounds to `count` significant digits. */
function significantDigits(value: number, count: number): Decimal {
  if (value === 0) return { digits: '0'.repeat(count), point: 1 }
  const exact = Math.min(count, MAX_DECIMAL_PLACES)
  const { point } = shortestDecimal(value)
  const rounded = scaleAndRound(value, exact - point).toString()
  const carried = rounded.length > exact
  return {
    digits: (carried ? rounded.slice(0, exact) : rounded).padEnd(count, '0'),
    point: carried ? point + 1 : point,
  }
}

function fixedForm(value: number, precision: number): string {
  const exact = Math.min(precision, MAX_DECIMAL_PLACES)
  const digits = scaleAndRound(value, exact)
    .toString()
    .padStart(exact + 1, '0')
  const whole = digits.slice(0, digits.length - exact)
  const fraction = digits.slice(digits.length - exact).padEnd(precision, '0')
  return fraction === '' ? whole : `${whole}.${fraction}`
}

function plainForm({ digits, point }: Decimal): string {
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`
  if (point >= digits.length) return digits + '0'.repeat(point - digits.length)
  return `${digits.slice(0, point)}.${digits.slice(point)}`
}

function exponentialForm({ digits, point }: Decimal, letter: string): string {
  const exponent = point - 1
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits
  const power = Math.abs(exponent).toString().padStart(2, '0')
  return `${mantissa}${letter}${exponent < 0 ? '-' : '+'}${power}`
}

/** Go's `strconv.FormatFloat(value, format, precision, 64)` for e, E, f, g and G; -1 asks for the fewest digits. */
export function formatFloat(value: number, format: string, precision: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value < 0 || Object.is(value, -0)) {
    return value === Number.NEGATIVE_INFINITY ? '-Inf' : `-${formatFloat(-value, format, precision)}`
  }
  switch (format) {
    case 'f':
      return precision < 0 ? plainForm(shortestDecimal(value)) : fixedForm(value, precision)
    case 'e':
    case 'E':
      return exponentialForm(
        precision < 0 ? shortestDecimal(value) : significantDigits(value, precision + 1),
        format,
      )
    default: {
      const few = precision < 0
      const decimal = few ? shortestDecimal(value) : significantDigits(value, precision === 0 ? 1 : precision)
      const digits = decimal.digits.replace(/0+$/, '') || '0'
      // The exponent form starts at this exponent: the precision, but not more than the digits, and 6 by default.
      let limit = few ? 6 : precision === 0 ? 1 : precision
      if (!few && limit > digits.length && digits.length >= decimal.point) limit = digits.length
      const exponent = decimal.point - 1
      const cut = { digits, point: decimal.point }
      if (exponent >= -4 && exponent < limit) return plainForm(cut)
      return exponentialForm(cut, format === 'G' ? 'E' : 'e')
    }
  }
}

/** Decomposes a double into mantissa × 2^exponent. */
function decomposeFloat(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  return {
    mantissa: exponent === 0 ? fraction : fraction | (1n << 52n),
    exponent: Math.max(1, exponent) - 1075,
  }
}

/** `%b` (`4503599627370496p-52`) and `%x` (`0x1.8p+00`, with `precision` digits after the point) of a positive number. */
export function formatBinaryFloat(value: number, letter: 'b' | 'x' | 'X', precision?: number): string {
  let { mantissa, exponent } = decomposeFloat(value)
  const sign = (n: number): string => (n < 0 ? '-' : '+')
  if (letter === 'b') return `${mantissa}p${sign(exponent)}${Math.abs(exponent)}`
  if (mantissa === 0n) exponent = -52
  while (mantissa !== 0n && mantissa < 1n << 52n) {
    mantissa <<= 1n
    exponent--
  }
  const places = precision ?? HEX_PLACES
  if (places < HEX_PLACES) {
    const half = 1n << BigInt(4 * (HEX_PLACES - places) - 1)
    const rest = mantissa & (2n * half - 1n)
    mantissa -= rest
    // Round half to even; a carry out of the first digit increments the exponent.
    if (rest > half || (rest === half && (mantissa & (2n * half)) !== 0n)) mantissa += 2n * half
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n
      exponent++
    }
  }
  const digits = mantissa.toString(16).padStart(HEX_PLACES + 1, '0')
  const all = digits.slice(1)
  const fraction =
    precision === undefined ? all.replace(/0+$/, '') : all.slice(0, precision).padEnd(precision, '0')
  const power = exponent + 52
  const form = `0x${digits[0]}${fraction === '' ? '' : `.${fraction}`}p${sign(power)}${String(Math.abs(power)).padStart(2, '0')}`
  return letter === 'X' ? form.toUpperCase() : form
}
/** Hexadecimal digits of a double after the point. */
const HEX_PLACES = 13

/** fmt's flag `#`: always prints a point, and the zeros that `%g` omits. `number` has no sign. */
export function alternateForm(number: string, letter: string, precision: number): string {
  const [, mantissa, tail] = /^([0-9.]*)(.*)$/.exec(number) as unknown as [string, string, string]
  let wanted = letter === 'g' || letter === 'G' ? (precision === -1 ? 6 : precision) : 0
  const digits = mantissa.replace('.', '').replace(/^0+/, '')
  wanted -= digits.length
  let out = mantissa
  if (!out.includes('.')) {
    if (out === '0') wanted--
    out += '.'
  }
  return out + '0'.repeat(Math.max(0, wanted)) + tail
}
