/** Finds the known word that is closest to a misspelt one, for "did you mean". */

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

/** The candidate with the fewest edits, ignoring case; `undefined` if none is close enough to be a typing error. */
export function closestMatch(word: string, candidates: Iterable<string>): string | undefined {
  let closest: string | undefined
  // Two wrong letters of three make another word, not a typing error.
  const maxEdits = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3))
  let fewest = maxEdits + 1
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest) {
      fewest = edits
      closest = candidate
    }
  }
  return closest
}
