/** sprig's functions on regular expressions. */
import {
  assertListLength,
  assertTextLength,
  compileRegexp,
  consumeSteps,
  GoError,
  type Regexp,
  type RegexpMatch,
} from '../../golang/index.ts'
import { type FunctionTable, goFunc } from '../values/signature.ts'
import { nilSlice } from '../values/value.ts'
import { stringSlice } from './cast.ts'
import { withMustVariant } from './lists.ts'

const MAX_CACHED_REGEXPS = 200
const regexpCache = new Map<string, Regexp>()
/** Caches compiled expressions: most are constants of a template. */
function compileCached(source: string): Regexp {
  const known = regexpCache.get(source)
  if (known !== undefined) return known
  const made = compileRegexp(source)
  if (regexpCache.size >= MAX_CACHED_REGEXPS) regexpCache.clear()
  regexpCache.set(source, made)
  return made
}

const codePointsOf = (text: string): number[] => {
  consumeSteps(text.length)
  return Array.from(text, char => char.codePointAt(0) as number)
}
const codePointsToString = (codes: readonly number[], from: number, to: number): string => {
  let out = ''
  for (let i = from; i < to; i++) out += String.fromCodePoint(codes[i] as number)
  return out
}

/** At most `count` matches, all if negative. Go skips an empty match directly after another match. */
function findMatches(regexp: Regexp, codes: readonly number[], count: number): RegexpMatch[] {
  const out: RegexpMatch[] = []
  let at = 0
  let before = -1
  while (at <= codes.length && (count < 0 || out.length < count)) {
    const match = regexp.exec(codes, at)
    if (match === undefined) break
    const [start, end] = match as [number, number]
    const isNew = end !== at || start !== before
    at = end === at ? at + 1 : end
    before = end
    if (isNew) out.push(match)
    assertListLength(1)
  }
  return out
}

function replace(source: string, text: string, by: (match: RegexpMatch) => string): string {
  const regexp = compileCached(source)
  const codes = codePointsOf(text)
  let out = ''
  let last = 0
  let at = 0
  while (at <= codes.length) {
    const match = regexp.exec(codes, at)
    if (match === undefined) break
    const [start, end] = match as [number, number]
    out += codePointsToString(codes, last, start)
    if (end > last || start === 0) out += by(match)
    assertTextLength(out.length)
    last = end
    at = Math.max(at + 1, end)
  }
  return out + codePointsToString(codes, last, codes.length)
}

/** Go's `Regexp.Expand`: `$1`, `${name}`, `$$`. Takes the longest possible name; an unknown one expands to nothing. */
function expand(template: string, { names }: Regexp, codes: readonly number[], match: RegexpMatch): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (_all, braced?: string, bare?: string) => {
    const name = braced ?? bare
    if (name === undefined) return '$'
    const took = (i: number): boolean => (match[i * 2] ?? -1) >= 0
    const index = /^[0-9]+$/.test(name) ? Number(name) : names.findIndex((one, i) => one === name && took(i))
    if (index < 0 || !took(index)) return ''
    return codePointsToString(codes, match[index * 2] as number, match[index * 2 + 1] as number)
  })
}

const find = goFunc(['string', 'string'], (source, text) => {
  const codes = codePointsOf(text)
  const match = compileCached(source).exec(codes, 0)
  return match === undefined ? '' : codePointsToString(codes, match[0] as number, match[1] as number)
})
const findAll = goFunc(['string', 'string', 'int'], (source, text, count) => {
  const codes = codePointsOf(text)
  const found = findMatches(compileCached(source), codes, count)
  if (found.length === 0) return nilSlice('[]string')
  return stringSlice(found.map(match => codePointsToString(codes, match[0] as number, match[1] as number)))
})
const replaceAll = goFunc(['string', 'string', 'string'], (source, text, by) => {
  const codes = codePointsOf(text)
  return replace(source, text, match => expand(by, compileCached(source), codes, match))
})
const replaceLiteral = goFunc(['string', 'string', 'string'], (source, text, by) =>
  replace(source, text, () => by),
)
const split = goFunc(['string', 'string', 'int'], (source, text, count) => {
  const regexp = compileCached(source)
  if (count === 0) return nilSlice('[]string')
  if (source !== '' && text === '') return stringSlice([''])
  const codes = codePointsOf(text)
  const out: string[] = []
  let begin = 0
  let end = 0
  for (const match of findMatches(regexp, codes, count)) {
    if (count > 0 && out.length === count - 1) break
    end = match[0] as number
    if (match[1] !== 0) out.push(codePointsToString(codes, begin, end))
    begin = match[1] as number
  }
  if (end !== codes.length) out.push(codePointsToString(codes, begin, codes.length))
  return stringSlice(out)
})

const isMatch = (source: string, text: string): boolean =>
  compileCached(source).exec(codePointsOf(text), 0) !== undefined

export const REGEXP_FUNCTIONS: FunctionTable = {
  // sprig ignores the error of an invalid expression here.
  regexMatch: goFunc(['string', 'string'], (source, text) => {
    try {
      return isMatch(source, text)
    } catch (error) {
      if (error instanceof GoError && error.message.startsWith('invalid regular expression')) return false
      throw error
    }
  }),
  mustRegexMatch: goFunc(['string', 'string'], isMatch),
  ...withMustVariant('regexFind', find),
  ...withMustVariant('regexFindAll', findAll),
  ...withMustVariant('regexReplaceAll', replaceAll),
  ...withMustVariant('regexReplaceAllLiteral', replaceLiteral),
  ...withMustVariant('regexSplit', split),
  regexQuoteMeta: goFunc(['string'], text => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')),
}
