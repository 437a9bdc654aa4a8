/** Lists the words of an expression, if they are few. */
import type { CharSet, Concatenation, Element } from 'refa'

/** A fragment with more words counts as one with infinitely many. */
const MAX_WORDS = 64

/**
 * The words of an expression in the order in which an engine tries them; `undefined` if there are too many. Lookarounds are
 * ignored: the result may have words that do not match, but lacks none.
 */
export function wordsOf(alternatives: readonly Concatenation[]): string[] | undefined {
  const words = new Set<string>()
  for (const alternative of alternatives) {
    let prefixes: string[] = ['']
    for (const element of alternative.elements) {
      const suffixes = wordsOfElement(element)
      if (suffixes === undefined || prefixes.length * suffixes.length > MAX_WORDS) return undefined
      prefixes = prefixes.flatMap(head => suffixes.map(tail => head + tail))
    }
    for (const word of prefixes) words.add(word)
  }
  return words.size > MAX_WORDS ? undefined : [...words]
}

function wordsOfElement(element: Element): string[] | undefined {
  switch (element.type) {
    case 'Assertion':
      return ['']
    case 'Unknown':
      return undefined
    case 'Alternation':
      return wordsOf(element.alternatives)
    case 'CharacterClass':
      return charactersOf(element.characters)
    case 'Quantifier': {
      if (element.max > MAX_WORDS) return undefined
      const once = wordsOf(element.alternatives)
      if (once === undefined) return undefined
      const rounds: string[][] = [['']]
      for (let n = 1; n <= element.max; n++) {
        const before = rounds[n - 1] as string[]
        if (before.length * once.length > MAX_WORDS) return undefined
        rounds.push(before.flatMap(head => once.map(tail => head + tail)))
      }
      const counted = rounds.slice(element.min)
      return [...new Set((element.lazy ? counted : counted.toReversed()).flat())]
    }
  }
}

function charactersOf(set: CharSet): string[] | undefined {
  const chars: string[] = []
  for (const { min, max } of set.ranges) {
    if (max - min >= MAX_WORDS) return undefined
    for (let code = min; code <= max; code++) chars.push(String.fromCodePoint(code))
  }
  return chars.length > MAX_WORDS ? undefined : chars
}
