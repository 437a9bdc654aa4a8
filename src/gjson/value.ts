/** The result of a lookup, and gjson's wildcards. */
import type { JsonValue } from '../golang/index.ts'

/** `undefined` if nothing was found; the next part of the path then receives an empty document. */
export type GjsonResult = JsonValue | undefined
export type GjsonLookup = (value: GjsonResult) => GjsonResult

/** Compiles `*`, `?` and `\\`. Matching takes at most the length of the text times the length of the pattern. */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const tokens: { readonly char: string; readonly wild: boolean }[] = []
  const chars = [...pattern]
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] as string
    if (char === '\\' && i + 1 < chars.length) tokens.push({ char: chars[++i] as string, wild: false })
    else tokens.push({ char, wild: char === '*' || char === '?' })
  }
  return text => {
    const letters = [...text]
    let at = 0
    let token = 0
    // The last star, and the position at which the rest was tried after it: on a mismatch the star takes one more.
    let lastStar = -1
    let retryAt = 0
    while (at < letters.length) {
      const next = tokens[token]
      if (next?.wild && next.char === '*') {
        lastStar = token++
        retryAt = at
      } else if (next !== undefined && (next.wild || next.char === letters[at])) {
        token++
        at++
      } else if (lastStar >= 0) {
        token = lastStar + 1
        at = ++retryAt
      } else return false
    }
    return tokens.slice(token).every(one => one.wild && one.char === '*')
  }
}
