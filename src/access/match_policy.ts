/** access/choice — which of the rules that match a request decides it: the only one, or the first in order. Knows candidates of the index, no request. */
import { badRequest, type Denial, severalRules } from './denial.ts'
import type { Entry, Found } from './rule.ts'

/** UTF-16 code units of `scheme://host/path`; what is longer is refused before any pattern sees it (A18, G5). */
export const LONGEST_URL = 16_384

/** What was chosen, and its place among the rules in order. */
export interface Chosen {
  readonly outcome: Found | Denial
  readonly place: number
}

/**
 * Of the first `count` candidates and what was chosen `before` among others for the same request: `undefined` where none
 * matches. A pattern that is too slow for a URL of that length refuses it, since whether it matches is not found out.
 */
export type Choose = (
  url: string,
  method: string,
  candidates: readonly Entry[],
  count: number,
  before: Chosen | undefined,
) => Chosen | undefined

/** Oathkeeper's way: one rule alone may match. */
export const only: Choose = (url, method, candidates, count, before) => {
  if (before?.outcome.kind === 'denial') return before
  let chosen = before
  let found = before?.outcome
  let several: string[] | undefined
  for (let i = 0; i < count; i++) {
    const entry = candidates[i] as Entry
    if (!entry.methods.has(method)) continue
    const outcome = attempt(entry, url)
    if (outcome === undefined) continue
    if (outcome.kind === 'denial') return { outcome, place: entry.place }
    if (found === undefined) {
      found = outcome
      chosen = { outcome, place: entry.place }
    } else several = [...(several ?? [found.rule.id]), outcome.rule.id]
  }
  return several === undefined ? chosen : { outcome: severalRules(several), place: 0 }
}

/** The earliest rule that matches decides; what it refuses no later one grants. Candidates come in any order. */
export const first: Choose = (url, method, candidates, count, before) => {
  let chosen = before
  for (let i = 0; i < count; i++) {
    const entry = candidates[i] as Entry
    if ((chosen !== undefined && entry.place > chosen.place) || !entry.methods.has(method)) continue
    const outcome = attempt(entry, url)
    if (outcome !== undefined) chosen = { outcome, place: entry.place }
  }
  return chosen
}

function attempt({ rule, pattern, start }: Entry, url: string): Found | Denial | undefined {
  if (url.length > (pattern.longest ?? LONGEST_URL)) return badRequest('the URL is too long')
  const captures =
    start >= 0 && pattern.execFrom !== undefined ? pattern.execFrom(url, start) : pattern.exec(url)
  return captures === undefined ? undefined : { kind: 'found', rule, captures }
}
