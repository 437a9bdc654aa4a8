/** access/choice — which of the rules that match a request decides it: the only one, or the first in order. Knows candidates of the index, no request. */
import { badRequest, type Denial, multipleRules } from './denial.ts'
import type { IndexEntry, RuleMatch } from './rule.ts'

/** UTF-16 code units of `scheme://host/path`; what is longer is refused before any pattern sees it (A18, G5). */
export const MAX_URL_CHARS = 16_384

/** What was chosen, and its place among the rules in order. */
export interface Selection {
  readonly outcome: RuleMatch | Denial
  readonly order: number
}

/**
 * Of the first `count` candidates and what was chosen `before` among others for the same request: `undefined` where none
 * matches. A pattern that is too slow for a URL of that length refuses it, since whether it matches is not found out.
 */
export type MatchPolicy = (
  url: string,
  method: string,
  candidates: readonly IndexEntry[],
  count: number,
  before: Selection | undefined,
) => Selection | undefined

/** Oathkeeper's way: one rule alone may match. */
export const rejectMultiple: MatchPolicy = (url, method, candidates, count, previous) => {
  if (previous?.outcome.kind === 'denial') return previous
  let selection = previous
  let matched = previous?.outcome
  let matchingIds: string[] | undefined
  for (let i = 0; i < count; i++) {
    const entry = candidates[i] as IndexEntry
    if (!entry.methods.has(method)) continue
    const outcome = matchEntry(entry, url)
    if (outcome === undefined) continue
    if (outcome.kind === 'denial') return { outcome, order: entry.order }
    if (matched === undefined) {
      matched = outcome
      selection = { outcome, order: entry.order }
    } else matchingIds = [...(matchingIds ?? [matched.rule.id]), outcome.rule.id]
  }
  return matchingIds === undefined ? selection : { outcome: multipleRules(matchingIds), order: 0 }
}

/** The earliest rule that matches decides; what it refuses no later one grants. Candidates come in any order. */
export const firstMatch: MatchPolicy = (url, method, candidates, count, previous) => {
  let selection = previous
  for (let i = 0; i < count; i++) {
    const entry = candidates[i] as IndexEntry
    if ((selection !== undefined && entry.order > selection.order) || !entry.methods.has(method)) continue
    const outcome = matchEntry(entry, url)
    if (outcome !== undefined) selection = { outcome, order: entry.order }
  }
  return selection
}

function matchEntry(
  { rule, pattern, prefixIndex: start }: IndexEntry,
  url: string,
): RuleMatch | Denial | undefined {
  if (url.length > (pattern.maxUrlChars ?? MAX_URL_CHARS)) return badRequest('the URL is too long')
  const captures =
    start >= 0 && pattern.execFromPrefix !== undefined
      ? pattern.execFromPrefix(url, start)
      : pattern.exec(url)
  return captures === undefined ? undefined : { kind: 'found', rule, captures }
}
