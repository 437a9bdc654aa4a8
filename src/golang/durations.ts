/** Go's `time.Duration` as nanoseconds: parsing, formatting and rounding. */

export const NS_PER_SECOND = 1_000_000_000n

const NS_PER_UNIT: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: NS_PER_SECOND,
  m: 60n * NS_PER_SECOND,
  h: 3600n * NS_PER_SECOND,
}

const INT64_LIMIT = 1n << 63n

/** Go's `time.ParseDuration`: `1h30m`, `1.5s`. Returns nanoseconds; `undefined` where Go returns an error. */
export function parseGoDuration(text: string): bigint | undefined {
  const body = text.replace(/^[+-]/, '')
  if (body === '0') return 0n
  if (!/^(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined
  let total = 0n
  for (const [, whole = '', fraction = '', unit] of body.matchAll(
    /([0-9]*)\.?([0-9]*)(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    const scale = NS_PER_UNIT[unit as string] as bigint
    total += BigInt(whole === '' ? 0 : whole) * scale
    if (fraction !== '')
      total += (BigInt(fraction.slice(0, 18)) * scale) / 10n ** BigInt(Math.min(18, fraction.length))
  }
  if (total > INT64_LIMIT - 1n) return undefined
  return text.startsWith('-') ? -total : total
}

/** Go's `Duration.String`: `1h2m3.5s`, `1.5ms`, `0s`. */
export function formatGoDuration(ns: bigint): string {
  if (ns === 0n) return '0s'
  const sign = ns < 0n ? '-' : ''
  const n = ns < 0n ? -ns : ns
  if (n < NS_PER_SECOND) {
    const [unit, scale] = n < 1000n ? ['ns', 1n] : n < 1_000_000n ? ['µs', 1000n] : ['ms', 1_000_000n]
    return sign + withFraction(n, scale as bigint) + unit
  }
  const minutes = n / (60n * NS_PER_SECOND)
  const seconds = `${withFraction(n % (60n * NS_PER_SECOND), NS_PER_SECOND)}s`
  if (minutes === 0n) return sign + seconds
  const hours = minutes / 60n
  return `${sign}${hours > 0n ? `${hours}h` : ''}${minutes % 60n}m${seconds}`
}

function withFraction(n: bigint, scale: bigint): string {
  const digits = scale.toString().length - 1
  const fraction = digits === 0 ? '' : (n % scale).toString().padStart(digits, '0').replace(/0+$/, '')
  return `${n / scale}${fraction === '' ? '' : `.${fraction}`}`
}

/** Go's `Duration.Round`: to a multiple of `to` nanoseconds, halves away from zero. */
export function roundDuration(ns: bigint, to: bigint): bigint {
  const magnitude = ns < 0n ? -ns : ns
  const rounded = ((magnitude + to / 2n) / to) * to
  return ns < 0n ? -rounded : rounded
}
