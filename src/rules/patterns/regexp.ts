/**
 * Translates a fragment of Oathkeeper's regular expressions (regexp2) into JavaScript source.
 * Long because it is one recursive-descent parser: its functions share a cursor and the output.
 */
import {
  type Cursor,
  escapedCharacter,
  failAt,
  nextCharacter,
  shorthandClass,
  translateClass,
  unicodeProperty,
  WORD_CLASS,
} from './character_class.ts'
import {
  escapeSource,
  type Fragment,
  IGNORE_CASE_END,
  IGNORE_CASE_START,
  PatternError,
  type PatternLint,
  type Piece,
} from './syntax.ts'

interface Flags {
  readonly i: boolean
  readonly m: boolean
  readonly s: boolean
  readonly x: boolean
}

export interface TranslatedFragment {
  readonly fragment: Fragment
  readonly lints: readonly PatternLint[]
  /** Whether `\1` refers to the fragment's own group, which is true in the first fragment of a pattern only. */
  readonly referencesItself: boolean
}

const BOUNDARY = `(?:(?<=[${WORD_CLASS}])(?![${WORD_CLASS}])|(?<![${WORD_CLASS}])(?=[${WORD_CLASS}]))`
const NO_BOUNDARY = `(?:(?<=[${WORD_CLASS}])(?=[${WORD_CLASS}])|(?<![${WORD_CLASS}])(?![${WORD_CLASS}]))`
const MATCHES_NOTHING = '[]'

const UNSUPPORTED_HINT = 'Oathkeeper or JavaScript does not support this: write it differently'

const looksLikeGlob = ({ text, column }: Piece): PatternError =>
  new PatternError(
    `"<${text}>" looks like a glob, but the strategy is regexp`,
    column,
    'set access_rules.matching_strategy: glob, or write <.*> for any text and <[^/]*> for one segment',
  )

const MAX_CACHED_TRANSLATIONS = 10_000
const translationCache = new Map<string, TranslatedFragment>()

/**
 * Translates one fragment; results are cached by its text. Throws `PatternError` if regexp2 would reject it or if it has no
 * faithful translation.
 */
export function translateFragment(piece: Piece): TranslatedFragment {
  const cached = translationCache.get(piece.text)
  if (cached !== undefined) return cached
  const translated = parseFragment(piece)
  if (translationCache.size >= MAX_CACHED_TRANSLATIONS) translationCache.clear()
  translationCache.set(piece.text, translated)
  return translated
}

function parseFragment(piece: Piece): TranslatedFragment {
  const cursor: Cursor = { text: piece.text, at: 0, column: piece.column }
  const { text } = piece
  const out: (string | number)[] = ['(']
  const groups: (string | undefined)[] = [undefined]
  const lints: PatternLint[] = []
  let selfReferenceAt: number | undefined
  let ignoresCase = false
  /** Whether the last atom matches no character. JavaScript repeats such an atom only inside a group. */
  let isZeroWidth = false

  const emit = (source: string, flags: Flags): void => {
    out.push(flags.i ? `${IGNORE_CASE_START}${source}${IGNORE_CASE_END}` : source)
  }
  const startsWith = (start: string): boolean => text.startsWith(start, cursor.at)

  /**
   * Translates alternatives up to `)` or the end. `definiteGroups` are the groups that have certainly matched before;
   * returns those that have certainly matched after it.
   */
  function alternatives(outer: Flags, definiteGroups: ReadonlySet<number>, depth: number): Set<number> {
    if (depth > 100) failAt(cursor, 'groups are nested too deeply')
    let flags = outer
    let after: Set<number> | undefined
    let here = new Set(definiteGroups)
    const endBranch = (): void => {
      after = after === undefined ? here : new Set([...after].filter(group => here.has(group)))
    }
    while (cursor.at < text.length && text[cursor.at] !== ')') {
      if (text[cursor.at] === '|') {
        cursor.at++
        out.push('|')
        endBranch()
        here = new Set(definiteGroups)
        continue
      }
      const changed = readInlineFlags(flags)
      if (changed !== undefined) {
        flags = changed
        continue
      }
      if (flags.x && skipWhitespace()) continue
      if (skipComment()) continue
      const before = groups.length
      const from = out.length
      const set = atom(flags, here, depth)
      while (skipComment() || (flags.x && skipWhitespace()));
      const { optional, repeats } = quantifier(from)
      if (!optional) for (const group of set) here.add(group)
      if (repeats) lintResetGroups(before, set)
    }
    endBranch()
    return after as unknown as Set<number>
  }

  /** Reads `(?i)` or `(?i-s)`, which holds for the rest of the enclosing group. */
  function readInlineFlags(flags: Flags): Flags | undefined {
    const found = /^\(\?([a-zA-Z]*(?:-[a-zA-Z]*)?)\)/.exec(text.slice(cursor.at))
    if (found === null) return undefined
    const changed = changeFlags(flags, found[1] as string)
    cursor.at += found[0].length
    return changed
  }

  function changeFlags(flags: Flags, letters: string): Flags {
    const changed = { ...flags }
    let on = true
    for (const letter of letters) {
      if (letter === '-') on = false
      else if (letter === 'i' || letter === 'm' || letter === 's' || letter === 'x') changed[letter] = on
      else failAt(cursor, `the flag "${letter}" is not supported`, 'use i, m, s or x')
    }
    if (changed.i) ignoresCase = true
    if (letters === '' || letters === '-') failAt(cursor, 'flags are missing')
    return changed
  }

  function skipWhitespace(): boolean {
    const blank = /^(?:\s+|#[^\n]*)/.exec(text.slice(cursor.at))
    cursor.at += blank?.[0].length ?? 0
    return blank !== null
  }

  /** Skips `(?#…)`; a quantifier after it repeats the atom before it. */
  function skipComment(): boolean {
    if (!startsWith('(?#')) return false
    const end = text.indexOf(')', cursor.at)
    if (end < 0) failAt(cursor, 'the comment is not closed')
    cursor.at = end + 1
    return true
  }

  /** Translates one atom; returns the groups that it certainly sets. */
  function atom(flags: Flags, definiteGroups: ReadonlySet<number>, depth: number): ReadonlySet<number> {
    const char = nextCharacter(cursor)
    isZeroWidth = char === '^' || char === '$'
    switch (char) {
      case '(':
        return group(flags, definiteGroups, depth)
      case '[':
        emit(translateClass(cursor), flags)
        break
      case '.':
        out.push(flags.s ? '[^]' : '[^\\n]')
        break
      case '^':
        out.push(flags.m ? '(?<![^\\n])' : '^')
        break
      case '$':
        out.push(flags.m ? '(?![^\\n])' : '$') // Unlike regexp2, not before a final line feed.
        break
      case '\\':
        escapeSequence(flags, definiteGroups)
        break
      case '*':
      case '+':
      case '?':
        cursor.at--
        if (char === '*' && cursor.at === 0) throw looksLikeGlob(piece)
        return failAt(cursor, `"${char}" repeats nothing`)
      default:
        if (char === '{' && /^\d+(?:,\d*)?\}/.test(text.slice(cursor.at))) {
          cursor.at--
          return failAt(cursor, 'a quantifier repeats nothing')
        }
        emit(escapeSource(char), flags)
    }
    return NO_GROUPS
  }

  function group(flags: Flags, definiteGroups: ReadonlySet<number>, depth: number): ReadonlySet<number> {
    let inner = flags
    let groupNumber: number | undefined
    let isNegative = false
    const isLookahead = startsWith('?=') || startsWith('?!')
    const name = /^\?(?:P?<|')([A-Za-z_]\w*)[>']/.exec(text.slice(cursor.at))
    if (name !== null) {
      const groupName = name[1] as string
      if (groups.includes(groupName))
        failAt(cursor, `the name "${groupName}" is used twice`, 'give every group its own name')
      groupNumber = groups.push(groupName) - 1
      out.push('(')
      cursor.at += name[0].length
    } else if (startsWith('?')) {
      const scoped = /^\?([a-zA-Z]+(?:-[a-zA-Z]+)?|-[a-zA-Z]+):/.exec(text.slice(cursor.at))
      if (startsWith('?:') || isLookahead) {
        isNegative = startsWith('?!')
        out.push(`(${text.slice(cursor.at, cursor.at + 2)}`)
        cursor.at += 2
      } else if (scoped !== null) {
        inner = changeFlags(flags, scoped[1] as string)
        out.push('(?:')
        cursor.at += scoped[0].length
      } else {
        failAt(cursor, `"(${text.slice(cursor.at, cursor.at + 2)}" is not supported`, UNSUPPORTED_HINT)
      }
    } else {
      groupNumber = groups.push(undefined) - 1
      out.push('(')
    }
    const set = alternatives(inner, definiteGroups, depth + 1)
    if (text[cursor.at] !== ')')
      failAt(cursor, 'a group is not closed', 'close it with ), or write \\( for a literal parenthesis')
    cursor.at++
    out.push(')')
    isZeroWidth = isLookahead
    if (isNegative) return NO_GROUPS
    if (groupNumber !== undefined) set.add(groupNumber)
    return set
  }

  function escapeSequence(flags: Flags, definiteGroups: ReadonlySet<number>): void {
    const letter = text[cursor.at] ?? failAt(cursor, 'the fragment ends in a backslash')
    const fixed = ASSERTION_ESCAPES.get(letter)
    if (fixed !== undefined) {
      cursor.at++
      isZeroWidth = true
      out.push(fixed)
    } else if (letter === 'p' || letter === 'P') {
      cursor.at++
      emit(unicodeProperty(cursor, letter), flags)
    } else if (letter === 'k') {
      out.push(...namedReference(definiteGroups, flags))
    } else if (letter >= '1' && letter <= '9') {
      numberedReference()
    } else {
      const set = shorthandClass(letter)
      if (set === undefined) emit(escapeSource(escapedCharacter(cursor)), flags)
      else {
        cursor.at++
        out.push(`[${set}]`)
      }
    }
  }

  function namedReference(definiteGroups: ReadonlySet<number>, flags: Flags): (string | number)[] {
    const found = /^k(?:<(\w+)>|'(\w+)')/.exec(text.slice(cursor.at))
    const name = found?.[1] ?? found?.[2]
    if (found === null || name === undefined) return failAt(cursor, '"\\k" needs a name', 'write \\k<name>')
    // A reference to a group that has not matched succeeds in JavaScript and fails in regexp2.
    const number = groups.indexOf(name)
    if (!definiteGroups.has(number))
      failAt(cursor, `"\\k<${name}>" may come before its group has matched`, UNSUPPORTED_HINT)
    cursor.at += found[0].length
    return flags.i ? [IGNORE_CASE_START, number, IGNORE_CASE_END] : [number]
  }

  function numberedReference(): void {
    const digits = /^\d+/.exec(text.slice(cursor.at))?.[0] as string
    if (digits !== '1') {
      failAt(
        cursor,
        `backreferences by number ("\\${digits}") are not supported`,
        'name the group: (?<n>…)\\k<n>',
      )
    }
    selfReferenceAt = cursor.at
    cursor.at += 1
    out.push(MATCHES_NOTHING)
    lints.push({
      message: '"\\1" refers to the fragment itself, so it never matches',
      hint: 'name the group: (?<n>…)\\k<n>',
    })
  }

  /** Translates the quantifier, if any, of the atom at index `from` of `out`. */
  function quantifier(from: number): { readonly optional: boolean; readonly repeats: boolean } {
    const found = QUANTIFIER.exec(text.slice(cursor.at))
    if (found === null) return { optional: false, repeats: false }
    const [all, low, comma, high] = found
    if (high !== undefined && high !== '' && Number(low) > Number(high))
      failAt(cursor, `"${all}" is reversed`)
    if (Number(high || low || 0) > MAX_REPETITIONS) {
      failAt(cursor, `"${all}" repeats too often`, `repeat at most ${MAX_REPETITIONS} times`)
    }
    cursor.at += all.length
    const lazy = text[cursor.at] === '?'
    if (lazy) cursor.at++
    if (QUANTIFIER.test(text.slice(cursor.at))) {
      failAt(cursor, 'a quantifier is repeated', 'possessive quantifiers are not supported')
    }
    if (isZeroWidth) {
      out.splice(from, 0, '(?:')
      out.push(')')
    }
    out.push(lazy ? `${all}?` : all)
    return {
      optional: all === '?' || all === '*' || Number(low) === 0,
      repeats: all !== '?' && (low === undefined || comma !== undefined || Number(low) > 1),
    }
  }

  /** JavaScript resets the groups inside a repetition in each round; regexp2 keeps the captures of earlier rounds. */
  function lintResetGroups(from: number, set: ReadonlySet<number>): void {
    for (let group = from; group < groups.length; group++) {
      if (set.has(group)) continue
      lints.push({
        message: `a group inside a repetition is empty unless the last round matched it: "${text}"`,
        hint: 'Oathkeeper keeps the text of an earlier round; use (?:…) if the capture is not needed',
      })
      return
    }
  }

  alternatives({ i: false, m: false, s: false, x: false }, NO_GROUPS, 0)
  if (cursor.at < text.length) failAt(cursor, 'unmatched ")"')
  out.push(')')
  if (selfReferenceAt !== undefined && groups.length === 1) {
    cursor.at = selfReferenceAt
    failAt(cursor, '"\\1" refers to a group that the fragment does not have')
  }
  return {
    fragment: { kind: 'fragment', text, source: out, groups, ignoresCase },
    lints,
    referencesItself: selfReferenceAt !== undefined,
  }
}

const NO_GROUPS: ReadonlySet<number> = new Set()
const MAX_REPETITIONS = 1000
const QUANTIFIER = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})/

const ASSERTION_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['A', '^'],
  ['z', '$'],
  ['Z', '$'],
  ['b', BOUNDARY],
  ['B', NO_BOUNDARY],
])
