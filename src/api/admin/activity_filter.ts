/** Selects activity by the parameters of a query. */

import type { Activity } from '../../telemetry/recent_activity.ts'
import type { DecisionRecord } from '../../telemetry/records.ts'

export type ActivityFilter = (activity: Activity) => boolean

/** Fields of a decision by which a query selects. `*` in a value stands for any text. */
const FIELDS = {
  decision: 'decision',
  rule: 'rule',
  code: 'code',
  method: 'method',
  host: 'host',
  path: 'path',
  who: 'subject',
} as const satisfies Record<string, keyof DecisionRecord>

export const FILTER_PARAMETERS: readonly string[] = Object.keys(FIELDS)

/**
 * A filter from the parameters of `FILTER_PARAMETERS`; all that are given must match. Log events other than decisions match
 * only a query without any.
 */
export function parseActivityFilter(query: URLSearchParams): ActivityFilter {
  const tests = Object.entries(FIELDS).flatMap(([name, field]) => {
    const pattern = query.get(name)
    if (pattern === null) return []
    const matches = compileGlob(pattern)
    return [(record: DecisionRecord) => matches(record[field])]
  })
  return activity =>
    activity.kind === 'decision' ? tests.every(test => test(activity.record)) : tests.length === 0
}

/** Splits at the stars, so that no pattern can take more than linear time for each of its parts. */
function compileGlob(pattern: string): (text: string) => boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return text => text === pattern
  const first = parts[0] as string
  const last = parts.at(-1) as string
  const inner = parts.slice(1, -1)
  return text => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
      return false
    const end = text.length - last.length
    let at = first.length
    for (const part of inner) {
      const found = text.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}
