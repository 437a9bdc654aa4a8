/** Checks whether the scopes of a token grant the required ones, by Oathkeeper's strategies. */
import { z } from 'zod'

const STRATEGIES = ['hierarchic', 'exact', 'wildcard', 'none'] as const
export type ScopeStrategy = (typeof STRATEGIES)[number]

export const scopeStrategySchema = z
  .enum(STRATEGIES)
  .optional()
  .describe('Strategy for comparing required scopes with those of the token. Default: none.')

/** Whether the scope `has` of a token grants a required one. */
const GRANT_CHECKS: Readonly<
  Record<Exclude<ScopeStrategy, 'none'>, (has: string, required: string) => boolean>
> = {
  exact: (has, required) => has === required,
  hierarchic: (has, required) => has === required || required.startsWith(`${has}.`),
  wildcard: grantsWithWildcard,
}

/** `*` matches one non-empty segment. As the last segment it matches all remaining segments. */
function grantsWithWildcard(granted: string, required: string): boolean {
  const pattern = granted.split('.')
  const segments = required.split('.')
  const endsWithWildcard = pattern.at(-1) === '*'
  if (endsWithWildcard ? segments.length < pattern.length : segments.length !== pattern.length) return false
  return pattern.every((expected, i) => (expected === '*' ? segments[i] !== '' : segments[i] === expected))
}

/** Returns a function that finds the first missing scope; `undefined` if all are granted. */
export function compileScopeCheck(
  strategy: Exclude<ScopeStrategy, 'none'>,
  required: readonly string[],
): (scopes: readonly string[]) => string | undefined {
  const grants = GRANT_CHECKS[strategy]
  return scopes => required.find(scope => !scopes.some(has => grants(has, scope)))
}
