/** Finds the rule that decides requests which no other rule matches. */
import { type Denial, internalError, noRule } from '../access/denial.ts'
import type { CompiledRule, MatchPattern, RuleMatch } from '../access/rule.ts'
import type { Diagnostic, DiagnosticLocation } from '../documents/diagnostic.ts'
import { closestMatch } from '../lib/closest_match.ts'
import type { AccessRule } from './document.ts'

/** The value of `access_rules.default_rule`. */
export interface DefaultRuleRef {
  readonly id: string
  /** Where the setting is written, for diagnostics about the id. */
  readonly location: DiagnosticLocation
}

/** Pattern of a default rule without `match`. */
export const MATCHES_NOTHING: MatchPattern = { text: '', origins: [], pathPrefix: '', exec: () => undefined }

/**
 * Resolves the id during one compile. If no rule or several rules have the id, requests without a matching rule answer 500:
 * letting some other rule decide could grant what the configured one would deny.
 */
export function createDefaultRuleResolver(ref: DefaultRuleRef | undefined) {
  const ids: string[] = []
  let compiled: CompiledRule | undefined
  return {
    /** Whether this rule is the default rule. Call it once for every rule: it also collects the ids. */
    isDefault({ id }: AccessRule): boolean {
      ids.push(id)
      return ref !== undefined && id === ref.id
    },
    setCompiled(rule: CompiledRule): void {
      compiled = rule
    },
    /** What a request without a matching rule gets. Call it after the last rule. */
    resolve(): { readonly defaultMatch: RuleMatch | Denial; readonly diagnostic?: Diagnostic } {
      if (ref === undefined) return { defaultMatch: noRule() }
      const missing = internalError('rule_misconfigured', 'The default rule does not exist')
      const problem = idProblem(ref.id, ids)
      if (problem !== undefined)
        return { defaultMatch: missing, diagnostic: { severity: 'error', ...ref.location, ...problem } }
      return {
        defaultMatch: compiled === undefined ? missing : { kind: 'found', rule: compiled, captures: [] },
      }
    },
  }
}

function idProblem(id: string, ids: readonly string[]): Pick<Diagnostic, 'message' | 'hint'> | undefined {
  const count = ids.filter(one => one === id).length
  if (count === 1) return undefined
  if (count > 1) return { message: `${count} rules have the id "${id}"`, hint: 'give each rule its own id' }
  const suggestion = closestMatch(id, ids)
  return {
    message: `no rule has the id "${id}"`,
    hint: suggestion === undefined ? '' : `did you mean "${suggestion}"?`,
  }
}
