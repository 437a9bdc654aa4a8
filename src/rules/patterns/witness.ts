/** Finds URLs of possible requests that a pattern matches, or proves that there are none. */
import type { Language, WordFinder } from './automata.ts'
import type { CompiledPattern, ParsedPattern } from './pattern.ts'
import { type RequestUrlOptions, requestUrlPredicate, requestUrlSource } from './request_url.ts'
import { type Part, patternSource } from './syntax.ts'

export interface WitnessSearch {
  /** A few URLs that the pattern matches, the shortest first. */
  readonly witnesses: readonly string[]
  /** True when it is proved that no request matches. False without witnesses means that neither was found. */
  readonly dead: boolean
  /** True when it is proved that only paths with an encoded `?` or `#` match. */
  readonly needsQuery: boolean
}

const MAX_WITNESSES = 2
/** Tried for patterns without a literal prefix. */
const FALLBACK_URLS: readonly string[] = [
  'https://a/',
  'http://a/',
  'https://a.a/a',
  'http://a.a/a',
  'https://a/a/a',
]

/** The language of a sequence of parts. */
export const languageOf = (parts: readonly Part[]): Language => ({
  source: patternSource(parts).source,
  ignoreCase: parts.some(part => part.kind === 'fragment' && part.ignoresCase),
})

/** The parts after the literal prefixes. */
export const partsAfterPrefix = ({ parts, prefixes }: ParsedPattern): readonly Part[] =>
  parts.slice(prefixes.partCount)

/** Words to try for each fragment. */
const MAX_SPELLINGS = 12

/**
 * Texts made of one word of each fragment, the shortest words first. Words are found for each fragment by itself, because
 * thousands of rules have few distinct fragments and the word finder caches them.
 */
export function spellOut(parts: readonly Part[], wordFinder: WordFinder): readonly string[] {
  const rows = parts.map(part =>
    part.kind === 'literal' ? [part.text] : wordFinder.wordsOf(languageOf([part])),
  )
  const count = Math.min(Math.max(1, ...rows.map(row => row.length)), MAX_SPELLINGS)
  return Array.from({ length: count }, (_, n) =>
    rows.map(row => row[Math.min(n, row.length - 1)] ?? '').join(''),
  )
}

/** Tries candidate URLs against the pattern; if none matches, intersects the pattern with the language of all request URLs. */
export function findWitnesses(
  { pattern, parsed }: CompiledPattern,
  options: RequestUrlOptions,
  wordFinder: WordFinder,
): WitnessSearch {
  const isRequestUrl = requestUrlPredicate(options)
  const verified = (candidates: Iterable<string>, limit: number): string[] => {
    const witnesses: string[] = []
    for (const url of candidates) {
      if (witnesses.length >= limit) break
      if (isRequestUrl(url) && pattern.exec(url) !== undefined) witnesses.push(url)
    }
    return witnesses
  }
  const tails = spellOut(partsAfterPrefix(parsed), wordFinder)
  const perPrefix = Math.max(1, Math.floor(MAX_WITNESSES / parsed.prefixes.alternatives.length))
  const urls = parsed.prefixes.alternatives.flatMap(({ text }) =>
    verified(
      tails.map(tail => text + tail),
      perPrefix,
    ),
  )
  if (urls.length > 0) return { witnesses: urls, dead: false, needsQuery: false }
  const commonWith = (encodedDelimiters: boolean) =>
    wordFinder.commonWords(languageOf(parsed.parts), {
      source: requestUrlSource(options, encodedDelimiters),
      ignoreCase: false,
    })
  const commonWords = commonWith(false)
  const found = verified([...FALLBACK_URLS, ...parsed.extraUrls, ...(commonWords ?? [])], MAX_WITNESSES)
  const isUnreachable =
    found.length === 0 && commonWords?.length === 0 && !parsed.extraUrls.some(isRequestUrl)
  const dead = isUnreachable && commonWith(true)?.length === 0
  return { witnesses: found, dead, needsQuery: isUnreachable && !dead }
}
