/** Which matching rule decides a request: the only one, or the first one. */
import { badRequest, type Denial, multipleRules } from './denial.ts'
import type { IndexEntry, RuleMatch } from './rule.ts'

/**
 * Longest `scheme://host/path` that is matched, in UTF-16 code units. It bounds the time that patterns take.
 */
export const MAX_URL_CHARS = 16_384

/** The rule that decides or the denial, and the position of the rule in the rule set. */
export interface Selection {
  readonly outcome: RuleMatch | Denial
  readonly order: number
}

/**
 * Selects among the first `count` candidates and `previous`, the selection among other candidates for the
 * same request. `undefined` where no rule matches. A URL that is too long for a candidate's pattern is
 * denied: a less specific rule must not decide only because this one cannot be tried in time.
 */
export type MatchPolicy = (
  url: string,
  method: string,
  candidates: readonly IndexEntry[],
  count: number,
  previous: Selection | undefined,
) => Selection | undefined

/** Oathkeeper's policy: if several rules match, the request is denied. */
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

/**
 * The first matching rule in the order of the rule set decides. A later rule is not tried, even if the first
 * one denies.
 */
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

function matchEntry({ rule, pattern, prefixIndex }: IndexEntry, url: string): RuleMatch | Denial | undefined {
  if (url.length > (pattern.maxUrlChars ?? MAX_URL_CHARS)) return badRequest('the URL is too long')
  const captures =
    prefixIndex >= 0 && pattern.execFromPrefix !== undefined
      ? pattern.execFromPrefix(url, prefixIndex)
      : pattern.exec(url)
  return captures === undefined ? undefined : { kind: 'found', rule, captures }
}
