/** rules/pattern_reach — URLs of requests that a pattern matches, each proved by the pattern itself; or the proof that there is none. Knows no rule. */

import type { Language, Words } from './automata.ts'
import type { CompiledPattern, ReadPattern } from './pattern.ts'
import { type Asked, admitsFor, admittedSource } from './request_url.ts'
import { type Part, wholeSource } from './syntax.ts'

export interface Reach {
  /** A few, short ones first. */
  readonly urls: readonly string[]
  /** There is certainly none. Without URLs and without this, it could not be told. */
  readonly dead: boolean
}

const MOST_URLS = 2
/** For patterns whose beginning says nothing. */
const ANY: readonly string[] = ['https://a/', 'http://a/', 'https://a.a/a', 'http://a.a/a', 'https://a/a/a']

export const languageOf = (parts: readonly Part[]): Language => ({
  source: wholeSource(parts).source,
  ignoreCase: parts.some(part => part.kind === 'fragment' && part.ignoresCase),
})

/** What follows the texts that a match starts with. */
export const tailOf = ({ parts, heads }: ReadPattern): readonly Part[] => parts.slice(heads.parts)

/** Longest row of words that are tried for each fragment. */
const MOST_SPELLINGS = 12

/** Each fragment spelled out by its own words, the shortest of all first: rules by the thousand have few different fragments. */
function spellings(parts: readonly Part[], words: Words): readonly string[] {
  const rows = parts.map(part => (part.kind === 'literal' ? [part.text] : words.of(languageOf([part]))))
  const most = Math.min(Math.max(1, ...rows.map(row => row.length)), MOST_SPELLINGS)
  return Array.from({ length: most }, (_, n) =>
    rows.map(row => row[Math.min(n, row.length - 1)] ?? '').join(''),
  )
}

export function reachOf({ pattern, read }: CompiledPattern, asked: Asked, words: Words): Reach {
  const admits = admitsFor(asked)
  const proved = (candidates: Iterable<string>, most: number): string[] => {
    const urls: string[] = []
    for (const url of candidates) {
      if (urls.length >= most) break
      if (admits(url) && pattern.exec(url) !== undefined) urls.push(url)
    }
    return urls
  }
  const tails = spellings(tailOf(read), words)
  const each = Math.max(1, Math.floor(MOST_URLS / read.heads.texts.length))
  const urls = read.heads.texts.flatMap(({ text }) =>
    proved(
      tails.map(tail => text + tail),
      each,
    ),
  )
  if (urls.length > 0) return { urls, dead: false }
  const common = words.common(languageOf(read.parts), { source: admittedSource(asked), ignoreCase: false })
  const found = proved([...ANY, ...read.extras, ...(common ?? [])], MOST_URLS)
  return { urls: found, dead: found.length === 0 && common?.length === 0 && !read.extras.some(admits) }
}
