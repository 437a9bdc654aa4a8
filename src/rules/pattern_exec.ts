/** rules/pattern_exec — the function that matches a URL against the parts of a pattern. Knows neither hosts nor lints. */
import { globMatches, overlaps } from '../lib/glob.ts'
import { globNodes } from './pattern_glob.ts'
import { type Fragment, type Part, wholeSource } from './pattern_parts.ts'
import { shapeOf } from './pattern_shape.ts'

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
    const words = capturesOf(part, shape.words)
    texts = texts.flatMap(({ text, captures }) =>
      words.map(word => ({ text: text + word.text, captures: [...captures, ...word.captures] })),
    )
  }
  return { texts, parts: parts.length, exact }
}

function capturesOf(fragment: Fragment, words: readonly string[]): Head[] {
  const alone = new RegExp(`^${wholeSource([fragment]).source}$`, 'v')
  return words.map(text => ({
    text,
    captures: (alone.exec(text) ?? [text]).slice(1).map(group => group ?? ''),
  }))
}

/**
 * Ten thousand rules have few different endings, so an ending is compiled once and shared, and the texts that a pattern
 * starts with are compared as texts. Where a fragment looks around, the whole pattern is one expression.
 */
export function execOf(parts: readonly Part[], heads: Heads): Exec {
  const { groups } = wholeSource(parts)
  const order = captureOrder(groups)
  if (!heads.exact) {
    const whole = new RegExp(`^${wholeSource(parts).source}$`, 'v')
    whole.test('') // V8 compiles at the first use: what is too large shall fail here
    return url => {
      const match = whole.exec(url)
      return match === null ? undefined : inOrder(NOTHING, match, order)
    }
  }
  const rest = parts.slice(heads.parts)
  if (rest.length === 0) {
    const all = new Map<string, readonly string[]>()
    for (const { text, captures } of heads.texts) {
      if (!all.has(text)) all.set(text, Object.freeze(inOrder(captures, NO_MATCH, order)))
    }
    return url => all.get(url)
  }
  const ending = endingOf(wholeSource(rest).source)
  const [only] = heads.texts
  if (heads.texts.length === 1 && only !== undefined) return url => tryHead(url, only, ending, order)
  return url => {
    for (const head of heads.texts) {
      const captures = tryHead(url, head, ending, order)
      if (captures !== undefined) return captures
    }
    return undefined
  }
}

function tryHead(url: string, head: Head, ending: RegExp, order: Order): readonly string[] | undefined {
  if (!url.startsWith(head.text)) return undefined
  ending.lastIndex = head.text.length
  const match = ending.exec(url)
  return match === null ? undefined : inOrder(head.captures, match, order)
}

const endings = new Map<string, RegExp>()

/** Sticky: matches from `lastIndex`, which is set before each use, to the end. */
function endingOf(source: string): RegExp {
  const known = endings.get(source)
  if (known !== undefined) return known
  const ending = new RegExp(`${source}$`, 'vy')
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

const NO_MATCH: readonly string[] = ['']

/** `match[0]` is the text that matched. A group that took no part is empty (spec 2.4). */
function inOrder(
  head: readonly string[],
  match: readonly (string | undefined)[],
  order: Order,
): readonly string[] {
  const captures: string[] = []
  for (let i = 0; i < head.length; i++) captures.push(head[i] as string)
  for (let i = 1; i < match.length; i++) captures.push(match[i] ?? '')
  return order === undefined ? captures : order.map(place => captures[place] as string)
}

/** Globs capture nothing. The matcher that never goes back serves where an expression might. */
export function globExec(parts: readonly Part[], heads: Heads, linear: boolean): Exec {
  const nodes = globNodes(parts)
  const extra = new Set(overlaps(nodes))
  const plain: Exec = linear ? execOf(parts, heads) : url => (globMatches(nodes, url) ? NOTHING : undefined)
  return extra.size === 0 ? plain : url => (extra.has(url) ? NOTHING : plain(url))
}
