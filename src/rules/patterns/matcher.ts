/** rules/pattern_exec — the function that matches a URL against the parts of a pattern. Knows neither hosts nor lints. */
import { globMatches, overlaps } from '../../golang/index.ts'
import { shapeOf } from './fragment_analysis.ts'
import { globNodes } from './glob.ts'
import { type Fragment, type Part, wholeSource } from './syntax.ts'

type Exec = (url: string) => readonly string[] | undefined

/** A text that a match can start with, and what the groups of the fragments in it capture then. */
interface Head {
  readonly text: string
  readonly captures: readonly string[]
}

export interface Heads {
  readonly texts: readonly Head[]
  /** How many parts they stand for. */
  readonly parts: number
  /** Nothing in them looks around or back, so the rest can be matched on its own. */
  readonly exact: boolean
}

/** More ways to start than this are not spelled out. */
const MOST_HEADS = 16
const KEPT = 10_000
const NOTHING: readonly string[] = Object.freeze([])

/** `<https?>://svc.example.com/api/` is two texts. They stand in the order in which an engine would try them. */
export function headsOf(parts: readonly Part[]): Heads {
  let texts: readonly Head[] = [{ text: '', captures: NOTHING }]
  let exact = true
  for (const [i, part] of parts.entries()) {
    if (part.kind === 'literal') {
      texts = texts.map(({ text, captures }) => ({ text: text + part.text, captures }))
      continue
    }
    const shape = shapeOf(part)
    if (shape.words === undefined || shape.words.length * texts.length > MOST_HEADS) {
      return { texts, parts: i, exact }
    }
    exact &&= shape.plain
    const words = capturesOf(part, shape.words, shape.plain)
    texts = texts.flatMap(({ text, captures }) =>
      words.map(word => ({ text: text + word.text, captures: [...captures, ...word.captures] })),
    )
  }
  return { texts, parts: parts.length, exact }
}

/** Words may be more than match (where case is ignored in part); those of a fragment that looks around cannot be told alone. */
function capturesOf(fragment: Fragment, words: readonly string[], exact: boolean): Head[] {
  if (!exact) return words.map(text => ({ text, captures: NOTHING }))
  const alone = new RegExp(`^${wholeSource([fragment]).source}$`, 'v')
  return words.flatMap(text => {
    const match = alone.exec(text)
    return match === null ? [] : [{ text, captures: match.slice(1).map(group => group ?? '') }]
  })
}

export interface Matcher {
  readonly exec: Exec
  readonly execFrom?: (url: string, start: number) => readonly string[] | undefined
}

/** What follows the text that a match starts with: captures of the rest of `url` from `at` on. */
type Rest = (url: string, at: number, head: readonly string[], order: Order) => readonly string[] | undefined

/**
 * Ten thousand rules have few different endings, so an ending is compiled once and shared, and the texts that a pattern
 * starts with are compared as texts. Where a fragment looks around, the whole pattern is one expression.
 */
export function matcherOf(parts: readonly Part[], heads: Heads): Matcher {
  const order = captureOrder(wholeSource(parts).groups)
  if (!heads.exact) {
    const whole = new RegExp(`^${wholeSource(parts).source}$`, 'v')
    whole.test('') // V8 compiles at the first use: what is too large shall fail here
    return {
      exec(url) {
        const match = whole.exec(url)
        return match === null ? undefined : inOrder(NOTHING, match, order)
      },
    }
  }
  const rest = restOf(parts.slice(heads.parts))
  const lengths = heads.texts.map(head => head.text.length)
  const captures = heads.texts.map(head => head.captures)
  const execFrom = (url: string, start: number): readonly string[] | undefined =>
    rest(url, lengths[start] as number, captures[start] as readonly string[], order)
  return {
    execFrom,
    exec(url) {
      for (let start = 0; start < heads.texts.length; start++) {
        if (!url.startsWith((heads.texts[start] as Head).text)) continue
        const found = execFrom(url, start)
        if (found !== undefined) return found
      }
      return undefined
    },
  }
}

/** A fragment before a literal slash that it cannot cross ends there; `.*` ends at the last one from which the rest matches. */
function restOf(parts: readonly Part[]): Rest {
  const [fragment, literal, ...others] = parts
  if (fragment?.kind === 'fragment' && literal?.kind === 'literal' && literal.text.startsWith('/')) {
    const shape = shapeOf(fragment)
    const source = wholeSource([fragment]).source
    const ending = endingOf(wholeSource(others).source)
    if (source === '([^\\n]*)') return upToLast(literal.text, ending)
    if (!shape.crossesSlash && shape.plain) {
      return upToSlash(endingOf(`${source}(?=\\/)`, ''), literal.text, ending)
    }
  }
  const ending = endingOf(wholeSource(parts).source)
  return (url, at, head, order) => {
    ending.lastIndex = at
    const match = ending.exec(url)
    return match === null ? undefined : inOrder(head, match, order)
  }
}

function upToSlash(first: RegExp, literal: string, ending: RegExp): Rest {
  return (url, at, head, order) => {
    const slash = url.indexOf('/', at)
    if (slash < 0 || !url.startsWith(literal, slash)) return undefined
    first.lastIndex = at
    const match = first.exec(url)
    if (match === null) return undefined
    ending.lastIndex = slash + literal.length
    const others = ending.exec(url)
    return others === null ? undefined : inOrder(head, match, order, others)
  }
}

function upToLast(literal: string, ending: RegExp): Rest {
  return (url, at, head, order) => {
    const newline = url.indexOf('\n', at)
    for (
      let slash = url.lastIndexOf(literal);
      slash >= at;
      slash = slash === 0 ? -1 : url.lastIndexOf(literal, slash - 1)
    ) {
      if (newline >= 0 && newline < slash) continue
      ending.lastIndex = slash + literal.length
      const others = ending.exec(url)
      if (others !== null) return inOrder(head, ['', url.slice(at, slash)], order, others)
    }
    return undefined
  }
}

const endings = new Map<string, RegExp>()

/** Sticky: matches from `lastIndex`, which is set before each use, to the end. */
function endingOf(start: string, end = '$'): RegExp {
  const source = start + end
  const known = endings.get(source)
  if (known !== undefined) return known
  const ending = new RegExp(source, 'vy')
  ending.test('')
  if (endings.size >= KEPT) endings.clear()
  endings.set(source, ending)
  return ending
}

/** Places of the captures in Oathkeeper's order: named groups are numbered last. `undefined`: as they come. */
type Order = readonly number[] | undefined

function captureOrder(groups: readonly (string | undefined)[]): Order {
  if (groups.every(name => name === undefined)) return undefined
  const places = groups.map((_, place) => place)
  const named = (place: number): boolean => groups[place] !== undefined
  return [...places.filter(place => !named(place)), ...places.filter(named)]
}

/** `match[0]` is the text that matched. A group that took no part is empty (spec 2.4). */
function inOrder(
  head: readonly string[],
  match: readonly (string | undefined)[],
  order: Order,
  others?: readonly (string | undefined)[],
): readonly string[] {
  const captures: string[] = []
  for (let i = 0; i < head.length; i++) captures.push(head[i] as string)
  for (let i = 1; i < match.length; i++) captures.push(match[i] ?? '')
  if (others !== undefined) for (let i = 1; i < others.length; i++) captures.push(others[i] ?? '')
  return order === undefined ? captures : order.map(place => captures[place] as string)
}

/** Globs capture nothing. The matcher that never goes back serves where an expression might. */
export function globMatcher(parts: readonly Part[], heads: Heads, linear: boolean): Matcher {
  const nodes = globNodes(parts)
  const extra = new Set(overlaps(nodes))
  if (!linear) return { exec: url => (globMatches(nodes, url) || extra.has(url) ? NOTHING : undefined) }
  const matcher = matcherOf(parts, heads)
  return extra.size === 0 ? matcher : { exec: url => (extra.has(url) ? NOTHING : matcher.exec(url)) }
}
