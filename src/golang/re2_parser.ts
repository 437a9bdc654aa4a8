/** Parses RE2's syntax to a tree. Long because it is one grammar, whose rules call each other. */
import { GoError } from './limits.ts'

export type Assertion = 'text start' | 'text end' | 'line start' | 'line end' | 'word' | 'no word'
export type RegexpNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'char'; readonly test: (code: number) => boolean }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexpNode[] }
  | { readonly kind: 'choice'; readonly parts: readonly RegexpNode[] }
  | {
      readonly kind: 'repeat'
      readonly part: RegexpNode
      readonly min: number
      readonly max: number
      readonly greedy: boolean
    }
  | { readonly kind: 'capture'; readonly part: RegexpNode; readonly index: number }
  | { readonly kind: 'assert'; readonly what: Assertion }

export interface ParsedRegexp {
  readonly root: RegexpNode
  /** Name of each group, empty for an unnamed one; group 0 is the whole match. */
  readonly names: readonly string[]
}

interface Flags {
  ignoreCase: boolean
  multiLine: boolean
  dotAll: boolean
  ungreedy: boolean
}

const MAX_REGEXP_CHARS = 1000
/** RE2's limit for the count of a repetition, and for the product of nested counts. */
const MAX_REPEATS = 1000
const MAX_GROUP_DEPTH = 100

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\u{0}-\\u{7f}',
  blank: '\\t ',
  cntrl: '\\u{0}-\\u{1f}\\u{7f}',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}
const PERL: Readonly<Record<string, string>> = { d: '0-9', s: '\\t\\n\\f\\r ', w: '0-9A-Za-z_' }
const LETTERS: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }

/** A code point as JavaScript writes it in a character class. */
const escapeCodePoint = (code: number): string => `\\u{${code.toString(16)}}`

/** Throws a `GoError` for what RE2 rejects. */
export function parseRegexp(source: string): ParsedRegexp {
  if (source.length > MAX_REGEXP_CHARS) throw new GoError('the regular expression is too long')
  const chars = [...source]
  const names = ['']
  let at = 0
  let depth = 0
  let flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false, ungreedy: false }

  const fail = (message: string): never => {
    throw new GoError(`invalid regular expression: ${message}`)
  }
  const ahead = (text: string): boolean => chars.slice(at, at + text.length).join('') === text

  function choice(): RegexpNode {
    const parts = [sequence()]
    while (chars[at] === '|') {
      at++
      parts.push(sequence())
    }
    return parts.length === 1 ? (parts[0] as RegexpNode) : { kind: 'choice', parts }
  }

  function sequence(): RegexpNode {
    const parts: RegexpNode[] = []
    while (at < chars.length && chars[at] !== '|' && chars[at] !== ')') {
      if (ahead('\\Q')) {
        at += 2
        while (at < chars.length && !ahead('\\E'))
          parts.push(literal((chars[at++] as string).codePointAt(0) as number))
        at += 2
        continue
      }
      const one = atom()
      if (one !== undefined) parts.push(repeats(one))
    }
    return parts.length === 1 ? (parts[0] as RegexpNode) : { kind: 'sequence', parts }
  }

  function repeats(one: RegexpNode): RegexpNode {
    let part = one
    let before = false
    while (at < chars.length) {
      const start = at
      const range = counts()
      if (range === undefined) return part
      if (before) fail('invalid nested repetition operator')
      before = true
      let greedy = !flags.ungreedy
      if (chars[at] === '?') {
        greedy = !greedy
        at++
      }
      if (
        expandedCopies(part) * Math.max(range.min, Number.isFinite(range.max) ? range.max : 1) >
        MAX_REPEATS
      ) {
        fail(`invalid repeat count at ${start}`)
      }
      part = { kind: 'repeat', part, ...range, greedy }
    }
    return part
  }

  function counts(): { min: number; max: number } | undefined {
    switch (chars[at]) {
      case '*':
        at++
        return { min: 0, max: Number.POSITIVE_INFINITY }
      case '+':
        at++
        return { min: 1, max: Number.POSITIVE_INFINITY }
      case '?':
        at++
        return { min: 0, max: 1 }
      case '{': {
        const found = /^\{([0-9]+)(,)?([0-9]+)?\}/.exec(chars.slice(at, at + 24).join(''))
        if (found === null) return undefined
        const min = Number(found[1])
        const max =
          found[2] === undefined ? min : found[3] === undefined ? Number.POSITIVE_INFINITY : Number(found[3])
        if (min > MAX_REPEATS || (Number.isFinite(max) && (max > MAX_REPEATS || max < min)))
          fail('invalid repeat count')
        at += found[0].length
        return { min, max }
      }
      default:
        return undefined
    }
  }

  function atom(): RegexpNode | undefined {
    const char = chars[at] as string
    switch (char) {
      case '(':
        return group()
      case '[':
        return bracket()
      case '.': {
        at++
        const all = flags.dotAll
        return { kind: 'char', test: code => all || code !== 10 }
      }
      case '^':
        at++
        return { kind: 'assert', what: flags.multiLine ? 'line start' : 'text start' }
      case '$':
        at++
        return { kind: 'assert', what: flags.multiLine ? 'line end' : 'text end' }
      case '*':
      case '+':
      case '?':
        return fail('missing argument to repetition operator')
      case '\\':
        return escapeSequence()
      default:
        at++
        return literal(char.codePointAt(0) as number)
    }
  }

  function group(): RegexpNode | undefined {
    if (++depth > MAX_GROUP_DEPTH) fail('nested too deeply')
    at++
    const outer = { ...flags }
    let index: number | undefined
    if (ahead('?')) {
      const named = /^\?P?<([A-Za-z0-9_]+)>/.exec(chars.slice(at, at + 80).join(''))
      const set = /^\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(chars.slice(at, at + 16).join(''))
      if (named !== null) {
        at += named[0].length
        index = names.push(named[1] as string) - 1
      } else if (set !== null) {
        at += set[0].length
        flags = withFlags(withFlags(flags, set[1] ?? '', true), set[2] ?? '', false)
        if (set[3] === ')') {
          depth--
          return undefined
        }
      } else fail('invalid or unsupported Perl syntax')
    } else index = names.push('') - 1
    const part = choice()
    if (chars[at] !== ')') fail('missing closing )')
    at++
    depth--
    flags = outer
    return index === undefined ? { kind: 'sequence', parts: [part] } : { kind: 'capture', part, index }
  }

  function escapeSequence(): RegexpNode {
    const next = chars[at + 1]
    if (next === undefined) return fail('trailing backslash at end of expression')
    const asserts: Readonly<Record<string, Assertion>> = {
      A: 'text start',
      z: 'text end',
      b: 'word',
      B: 'no word',
    }
    const what = Object.hasOwn(asserts, next) ? asserts[next] : undefined
    if (what !== undefined) {
      at += 2
      return { kind: 'assert', what }
    }
    const set = classEscape()
    if (set !== undefined) return { kind: 'char', test: tester(set.body, set.negated) }
    return literal(codeEscape())
  }

  /** `\d`, `\PL`, `\p{Greek}`; consumes nothing if there is none. */
  function classEscape(): { body: string; negated: boolean } | undefined {
    const next = chars[at + 1] ?? ''
    const perl = Object.hasOwn(PERL, next.toLowerCase()) ? PERL[next.toLowerCase()] : undefined
    if (perl !== undefined) {
      at += 2
      return { body: perl, negated: next !== next.toLowerCase() }
    }
    if (next !== 'p' && next !== 'P') return undefined
    const found = /^\\[pP](?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))/.exec(chars.slice(at, at + 48).join(''))
    if (found === null) return fail('invalid character class range')
    at += found[0].length
    const name = found[2] ?? (found[3] as string)
    const body = name === 'Any' ? '\\p{Any}' : name.length <= 2 ? `\\p{${name}}` : `\\p{Script=${name}}`
    try {
      new RegExp(`[${body}]`, 'u')
    } catch {
      fail('invalid character class range')
    }
    return { body, negated: (next === 'P') !== (found[1] === '^') }
  }

  function codeEscape(): number {
    const rest = chars.slice(at, at + 16).join('')
    const hex = /^\\x(?:\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{2}))/.exec(rest)
    if (hex !== null) {
      at += hex[0].length
      const code = Number.parseInt((hex[1] ?? hex[2]) as string, 16)
      return code <= 0x10ffff ? code : fail('invalid escape sequence')
    }
    const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest)
    if (octal !== null) {
      at += octal[0].length
      return Number.parseInt(octal[1] as string, 8)
    }
    const char = chars[at + 1] as string
    at += 2
    if (Object.hasOwn(LETTERS, char)) return LETTERS[char] as number
    const code = char.codePointAt(0) as number
    if (code >= 0x80 || /[A-Za-z0-9]/.test(char)) fail('invalid escape sequence')
    return code
  }

  function bracket(): RegexpNode {
    at++
    const negated = chars[at] === '^'
    if (negated) at++
    let body = ''
    let first = true
    while (first || chars[at] !== ']') {
      if (at >= chars.length) return fail('missing closing ]')
      first = false
      if (ahead('[:')) {
        const found = /^\[:(\^?)([a-z]+):\]/.exec(chars.slice(at, at + 16).join(''))
        const set =
          found === null || !Object.hasOwn(POSIX, found[2] as string) ? undefined : POSIX[found[2] as string]
        if (found !== null && set === undefined) return fail('invalid character class range')
        if (found !== null && set !== undefined) {
          at += found[0].length
          body += found[1] === '' ? set : complement(set)
          continue
        }
      }
      if (chars[at] === '\\') {
        const set = classEscape()
        if (set !== undefined) {
          body += set.negated ? complement(set.body) : set.body
          continue
        }
      }
      const from = classCode()
      if (chars[at] === '-' && chars[at + 1] !== undefined && chars[at + 1] !== ']') {
        at++
        const to = classCode()
        if (to < from) return fail('invalid character class range')
        body += `${escapeCodePoint(from)}-${escapeCodePoint(to)}`
      } else body += escapeCodePoint(from)
    }
    at++
    return { kind: 'char', test: tester(body, negated) }
  }
  const classCode = (): number => {
    if (chars[at] === '\\') {
      if (chars[at + 1] === undefined) fail('trailing backslash at end of expression')
      return codeEscape()
    }
    return ((chars[at++] ?? fail('missing closing ]')) as string).codePointAt(0) as number
  }

  /** Tests one code point with JavaScript's engine, which knows the Unicode properties and cannot backtrack here. */
  function tester(body: string, negated: boolean): (code: number) => boolean {
    const pattern = new RegExp(`^[${negated ? '^' : ''}${body}]$`, flags.ignoreCase ? 'vi' : 'v')
    return code => pattern.test(String.fromCodePoint(code))
  }
  function literal(wanted: number): RegexpNode {
    if (flags.ignoreCase) return { kind: 'char', test: tester(escapeCodePoint(wanted), false) }
    return { kind: 'char', test: code => code === wanted }
  }

  const root = choice()
  if (at < chars.length) fail('unexpected )')
  return { root, names }
}

/** With the `v` flag, a class may contain a class. */
const complement = (body: string): string => `[^${body}]`

function withFlags(flags: Flags, letters: string, on: boolean): Flags {
  return {
    ignoreCase: letters.includes('i') ? on : flags.ignoreCase,
    multiLine: letters.includes('m') ? on : flags.multiLine,
    dotAll: letters.includes('s') ? on : flags.dotAll,
    ungreedy: letters.includes('U') ? on : flags.ungreedy,
  }
}

/** How many copies of a node the counted repetitions expand to. */
function expandedCopies(part: RegexpNode): number {
  switch (part.kind) {
    case 'sequence':
    case 'choice':
      return Math.max(1, ...part.parts.map(expandedCopies))
    case 'capture':
      return expandedCopies(part.part)
    case 'repeat':
      return expandedCopies(part.part) * Math.max(1, part.min, Number.isFinite(part.max) ? part.max : 1)
    default:
      return 1
  }
}
