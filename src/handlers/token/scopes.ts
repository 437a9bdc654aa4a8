/** handlers/parts/scopes — whether the scopes of a token grant the required ones (spec 4.0). Pure; knows no token. */
import { z } from 'zod'

const STRATEGIES = ['hierarchic', 'exact', 'wildcard', 'none'] as const
export type ScopeStrategy = (typeof STRATEGIES)[number]

export const scopeStrategySchema = z
  .enum(STRATEGIES)
  .optional()
  .describe('how required scopes are compared with those of the token; default none')

/** Whether a scope of a token grants a required one. */
const GRANT_CHECKS: Readonly<
  Record<Exclude<ScopeStrategy, 'none'>, (has: string, required: string) => boolean>
> = {
  exact: (has, required) => has === required,
  hierarchic: (has, required) => has === required || required.startsWith(`${has}.`),
  wildcard: grantsWithWildcard,
}

/** A `*` stands for one segment that is not empty; the last one also for all that follow, whatever they are. */
function grantsWithWildcard(granted: string, required: string): boolean {
  const pattern = granted.split('.')
  const segments = required.split('.')
  const endsWithWildcard = pattern.at(-1) === '*'
  if (endsWithWildcard ? segments.length < pattern.length : segments.length !== pattern.length) return false
  return pattern.every((expected, i) => (expected === '*' ? segments[i] !== '' : segments[i] === expected))
}

/** The first required scope that is missing; `undefined`: all are granted. */
export function compileScopeCheck(
  strategy: Exclude<ScopeStrategy, 'none'>,
  required: readonly string[],
): (scopes: readonly string[]) => string | undefined {
  const grants = GRANT_CHECKS[strategy]
  return scopes => required.find(one => !scopes.some(has => grants(has, one)))
}
