/** Formats values as Go's fmt package does. Long because verbs, flags and kinds depend on each other, as in Go. */

import {
  alternateForm,
  assertTextLength,
  consumeSteps,
  formatBinaryFloat,
  formatFloat,
  isPrintable,
  quoteString,
  toByteString,
} from '../../golang/index.ts'
import {
  GoInt,
  GoMap,
  GoSlice,
  GoStruct,
  type GoValue,
  isSlice,
  mapGet,
  mapKeys,
  type StructType,
  typeName,
} from './value.ts'

interface Flags {
  plus: boolean
  minus: boolean
  sharp: boolean
  space: boolean
  zero: boolean
  /** The flag `+` or `#` of the verb `v`. */
  plusV: boolean
  sharpV: boolean
  width: number | undefined
  precision: number | undefined
}
const noFlags = (): Flags => ({
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  plusV: false,
  sharpV: false,
  width: undefined,
  precision: undefined,
})
const NO_FLAGS = Object.freeze(noFlags())

/** Go's `fmt.Sprint(value)`. */
export function sprint(value: GoValue): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return formatFloat(value, 'g', -1)
  return formatValue(value, 'v', NO_FLAGS, 0)
}

/** The output of `{{ value }}`: dereferences pointers; no value prints as `<no value>`. */
export function printValue(value: GoValue): string {
  if (value === undefined) return '<no value>'
  if (value instanceof GoStruct && value.type.pointer && !value.nil && value.type.text === undefined) {
    return formatStruct(value, 'v', NO_FLAGS, 0, '')
  }
  return sprint(value)
}

/** Go's `fmt.Sprint(values...)`: adds a space between operands if neither is a string. `originals` decides that. */
export function sprintAll(values: readonly GoValue[], originals: readonly GoValue[] = values): string {
  const isText = (i: number): boolean => originals[i] == null || typeof originals[i] === 'string'
  return values
    .map((value, i) => {
      const blank = i > 0 && !isText(i) && !isText(i - 1)
      return (blank ? ' ' : '') + sprint(value)
    })
    .join('')
}

/** Go's `fmt.Sprintf`. */
export function sprintf(pattern: string, args: readonly GoValue[]): string {
  let out = ''
  let arg = 0
  let reordered = false
  let i = 0
  const end = pattern.length

  while (i < end) {
    const percent = pattern.indexOf('%', i)
    if (percent < 0) {
      out += pattern.slice(i)
      break
    }
    out += pattern.slice(i, percent)
    i = percent + 1
    const flags = noFlags()
    let good = true
    let afterIndex = false

    /** Parses `[3]`, the number of the next argument. */
    const index = (): void => {
      if (pattern[i] !== '[') return
      reordered = true
      const close = pattern.indexOf(']', i)
      const number = close < 0 ? '' : pattern.slice(i + 1, close)
      if (/^[0-9]+$/.test(number) && Number(number) >= 1 && Number(number) <= args.length) {
        arg = Number(number) - 1
        afterIndex = true
      } else good = false
      i = close < 0 ? i + 1 : close + 1
    }
    /** Parses a width or precision: digits, or `*` for an argument. */
    const count = (): { star: boolean; n: number | undefined } => {
      if (pattern[i] === '*') {
        i++
        const value = args[arg]
        const n = value instanceof GoInt && Math.abs(Number(value.n)) <= 1e6 ? Number(value.n) : undefined
        if (arg < args.length) arg++
        afterIndex = false
        return { star: true, n }
      }
      const digits = /^[0-9]*/.exec(pattern.slice(i, i + 8))?.[0] ?? ''
      i += digits.length
      return { star: false, n: digits === '' || Number(digits) > 1e6 ? undefined : Number(digits) }
    }

    for (; i < end; i++) {
      const c = pattern[i]
      if (c === '#') flags.sharp = true
      else if (c === '0') flags.zero = true
      else if (c === '+') flags.plus = true
      else if (c === '-') flags.minus = true
      else if (c === ' ') flags.space = true
      else break
    }
    index()
    const indexed = afterIndex
    const width = count()
    if (width.star) {
      if (width.n === undefined) out += '%!(BADWIDTH)'
      else if (width.n < 0) {
        width.n = -width.n
        flags.minus = true
        flags.zero = false
      }
    } else if (indexed && width.n !== undefined) good = false
    flags.width = width.n
    if (i + 1 < end && pattern[i] === '.') {
      i++
      if (afterIndex) good = false
      index()
      const precision = count()
      if (precision.star && precision.n !== undefined && precision.n < 0) precision.n = undefined
      if (precision.star && precision.n === undefined) out += '%!(BADPREC)'
      flags.precision = precision.star ? precision.n : (precision.n ?? 0)
    }
    if (!afterIndex) index()
    if (i >= end) {
      out += '%!(NOVERB)'
      break
    }
    const verb = String.fromCodePoint(pattern.codePointAt(i) as number)
    i += verb.length
    if (verb === '%') out += '%'
    else if (!good) out += `%!${verb}(BADINDEX)`
    else if (arg >= args.length) out += `%!${verb}(MISSING)`
    else {
      if (verb === 'v' || verb === 'w') {
        flags.sharpV = flags.sharp
        flags.sharp = false
        flags.plusV = flags.plus
        flags.plus = false
      }
      out += formatValue(args[arg], verb, flags, 0)
      arg++
    }
    assertTextLength(out.length)
  }
  if (!reordered && arg < args.length) {
    const extra = args
      .slice(arg)
      .map(value => (value == null ? '<nil>' : `${typeName(value)}=${formatValue(value, 'v', NO_FLAGS, 0)}`))
    out += `%!(EXTRA ${extra.join(', ')})`
  }
  return out
}

/** Formats a value by a verb. `depth` is 0 for an argument, more for the values in it. */
function formatValue(value: GoValue, verb: string, flags: Flags, depth: number): string {
  consumeSteps(1)
  if (verb === 'T') return formatString(typeName(value), 's', flags)
  // Neither has a meaning here: `%w` is for wrapped errors, and there are no addresses for `%p`.
  if (verb === 'p' || verb === 'w') return badVerb(value, verb, flags)
  switch (typeof value) {
    case 'boolean':
      return verb === 't' || verb === 'v' ? padToWidth(String(value), flags) : badVerb(value, verb, flags)
    case 'number':
      return formatFloatVerb(value, verb, flags)
    case 'string':
      return formatString(value, verb, flags)
  }
  if (value === null || value === undefined) {
    if (depth > 0) return flags.sharpV ? 'interface {}(nil)' : '<nil>'
    return verb === 'v' ? padToWidth('<nil>', flags) : badVerb(value, verb, flags)
  }
  if (value instanceof GoInt) {
    if (value.type.text !== undefined && !flags.sharpV && 'vsxXq'.includes(verb)) {
      return formatString(value.type.text(value.n), verb, flags)
    }
    return formatInteger(value, verb, flags)
  }
  if (value instanceof GoStruct) return formatStruct(value, verb, flags, depth)
  if (isSlice(value)) {
    if (flags.sharpV) {
      if (value instanceof GoSlice && value.nil) return `${value.type}(nil)`
      return `${typeName(value)}{${formatItems(value, ', ', verb, flags, depth)}}`
    }
    return `[${formatItems(value, ' ', verb, flags, depth)}]`
  }
  const elements = mapKeys(value).map(
    key =>
      `${formatValue(key, verb, flags, depth + 1)}:${formatValue(mapGet(value, key), verb, flags, depth + 1)}`,
  )
  if (!flags.sharpV) return assertLength(`map[${elements.join(' ')}]`)
  if (value instanceof GoMap && value.nil) return `${value.type.name}(nil)`
  return assertLength(`${typeName(value)}{${elements.join(', ')}}`)
}

function formatItems(
  items: readonly GoValue[],
  by: string,
  verb: string,
  flags: Flags,
  depth: number,
): string {
  let out = ''
  for (let i = 0; i < items.length; i++) {
    out += (i > 0 ? by : '') + formatValue(items[i], verb, flags, depth + 1)
    assertTextLength(out.length)
  }
  return out
}

function formatStruct(value: GoStruct, verb: string, flags: Flags, depth: number, mark = '&'): string {
  const type = value.type as StructType<unknown>
  if (type.text !== undefined && !flags.sharpV && 'vsxXq'.includes(verb)) {
    return formatString(type.text(value.self), verb, flags)
  }
  if (value.nil) return flags.sharpV ? `(*${type.name})(nil)` : padToWidth('<nil>', flags)
  // Go prints the address of a nested pointer; this stands for it.
  if (type.pointer && depth > 0) return padToWidth('0xc000000000', flags)
  const fields = [...type.fields].map(
    ([name, field]) =>
      (flags.plusV || flags.sharpV ? `${name}:` : '') +
      formatValue(field.get(value.self), verb, flags, depth + 1),
  )
  return assertLength(
    `${type.pointer ? mark : ''}${flags.sharpV ? type.name : ''}{${fields.join(flags.sharpV ? ', ' : ' ')}}`,
  )
}

function assertLength(out: string): string {
  assertTextLength(out.length)
  return out
}

/** `%!d(string=hi)`: the verb does not apply to the value. */
function badVerb(value: GoValue, verb: string, flags: Flags): string {
  if (value === null || value === undefined) return `%!${verb}(<nil>)`
  const inner = value instanceof GoInt ? formatInteger(value, 'v', flags) : formatValue(value, 'v', flags, 0)
  return `%!${verb}(${typeName(value)}=${inner})`
}

function formatString(value: string, verb: string, flags: Flags): string {
  switch (verb) {
    case 'v':
      return flags.sharpV
        ? padToWidth(quoteString(truncateToPrecision(value, flags)), flags)
        : padToWidth(truncateToPrecision(value, flags), flags)
    case 's':
      return padToWidth(truncateToPrecision(value, flags), flags)
    case 'x':
    case 'X':
      return formatHex(value, verb, flags)
    case 'q': {
      const inner = truncateToPrecision(value, flags)
      if (flags.sharp && !/[`\ufeff]|(?!\t)\p{Cc}/u.test(inner) && inner.isWellFormed()) {
        return padToWidth(`\`${inner}\``, flags)
      }
      return padToWidth(quoteString(inner, '"', flags.plus), flags)
    }
    default:
      return badVerb(value, verb, flags)
  }
}

/** The precision of a string is its maximum number of characters. */
function truncateToPrecision(value: string, { precision }: Flags): string {
  if (precision === undefined || value.length <= precision) return value
  return [...value].slice(0, precision).join('')
}

function formatHex(value: string, verb: string, flags: Flags): string {
  const bytes = Buffer.from(toByteString(value), 'latin1')
  const shown = bytes.subarray(0, flags.precision ?? bytes.length)
  if (shown.length === 0) return padToWidth('', flags)
  const by = flags.space ? (flags.sharp ? ' 0x' : ' ') : ''
  let out = (flags.sharp ? '0x' : '') + [...shown].map(byte => byte.toString(16).padStart(2, '0')).join(by)
  if (verb === 'X') out = out.toUpperCase()
  return padToWidth(out, flags)
}

function formatFloatVerb(value: number, verb: string, flags: Flags): string {
  const letter = verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb
  if (!/^[gGfeEbxX]$/.test(letter)) return badVerb(value, verb, flags)
  const precision = flags.precision ?? (letter === 'g' || letter === 'G' ? -1 : 6)
  let number =
    Number.isFinite(value) && 'bxX'.includes(letter)
      ? formatBinaryFloat(Math.abs(value), letter as 'b' | 'x' | 'X', flags.precision)
      : formatFloat(Math.abs(value), letter, precision)
  const negative = value < 0 || Object.is(value, -0)
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  if (!Number.isFinite(value)) {
    const plain = Number.isNaN(value) ? (flags.plus ? '+' : flags.space ? ' ' : '') : sign === '' ? '+' : sign
    return padToWidth(plain + number.replace('+', ''), { ...flags, zero: false })
  }
  if (flags.sharp && !'bxX'.includes(letter)) number = alternateForm(number, letter, precision)
  return padAfterSign(sign, number, flags)
}

/** Pads with zeros between the sign and the digits. */
function padAfterSign(sign: string, digits: string, flags: Flags): string {
  if (flags.zero && !flags.minus && flags.width !== undefined) {
    return sign + digits.padStart(flags.width - sign.length, '0')
  }
  return padToWidth(sign + digits, flags)
}

function formatInteger({ n, type }: GoInt, verb: string, flags: Flags): string {
  const magnitude = n < 0n ? -n : n
  const sign = n < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  const inBase = (base: number, prefix: string, upper = false): string => {
    if (flags.precision === 0 && n === 0n) return padToWidth('', { ...flags, zero: false })
    let digits = magnitude.toString(base)
    if (upper) digits = digits.toUpperCase()
    if (flags.precision !== undefined) digits = digits.padStart(flags.precision, '0')
    else if (flags.zero && !flags.minus && flags.width !== undefined) {
      digits = digits.padStart(flags.width - sign.length, '0')
    }
    const lead = prefix === '0' && digits.startsWith('0') ? '' : prefix
    return padToWidth(sign + lead + digits, { ...flags, zero: false })
  }
  switch (verb) {
    case 'v':
      return flags.sharpV && type.unsigned ? `0x${magnitude.toString(16)}` : inBase(10, '')
    case 'd':
      return inBase(10, '')
    case 'b':
      return inBase(2, flags.sharp ? '0b' : '')
    case 'o':
      return inBase(8, flags.sharp ? '0' : '')
    case 'O':
      return inBase(8, '0o')
    case 'x':
      return inBase(16, flags.sharp ? '0x' : '')
    case 'X':
      return inBase(16, flags.sharp ? '0X' : '', true)
    case 'c':
      return padToWidth(character(n), flags)
    case 'q':
      return padToWidth(quoteString(character(n), "'", flags.plus), flags)
    case 'U': {
      const char = character(n)
      const shown = flags.sharp && n >= 0n && n <= 0x10ffffn && isPrintable(char) ? ` '${char}'` : ''
      const digits = BigInt.asUintN(64, n).toString(16).toUpperCase()
      return padToWidth(`U+${digits.padStart(Math.max(4, flags.precision ?? 0), '0')}${shown}`, {
        ...flags,
        zero: false,
      })
    }
    default:
      return `%!${verb}(${type.name}=${inBase(10, '')})`
  }
}

const character = (n: bigint): string =>
  n >= 0n && n <= 0x10ffffn && !(n >= 0xd800n && n < 0xe000n) ? String.fromCodePoint(Number(n)) : '\ufffd'

/** Pads to the width of the flags, in characters. */
function padToWidth(value: string, flags: Flags): string {
  if (flags.width === undefined) return value
  const missing = flags.width - [...value].length
  if (missing <= 0) return value
  assertTextLength(missing)
  if (flags.minus) return value + ' '.repeat(missing)
  return (flags.zero ? '0' : ' ').repeat(missing) + value
}
