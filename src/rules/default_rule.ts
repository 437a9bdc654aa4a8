/** rules/default_rule — the rule that decides where no other matches: found by its id, or why there is none. Knows compiled rules, no file. */
import { type Denial, internalError, noRule } from '../access/denial.ts'
import type { CompiledRule, MatchPattern, RuleMatch } from '../access/rule.ts'
import type { Diagnostic } from '../documents/issue.ts'
import { closestMatch } from '../lib/closest_match.ts'
import type { AccessRule } from './document.ts'

/** As the configuration names it. */
export interface DefaultRuleRef {
  readonly id: string
  /** Where it does. */
  readonly location: Pick<Diagnostic, 'source' | 'line' | 'column' | 'path'>
}

/** Of a rule that serves as the default alone. */
export const MATCHES_NOTHING: MatchPattern = { text: '', origins: [], pathPrefix: '', exec: () => undefined }

/** For one compile. An id that no rule has, or two have, is a fault: 500 where the rule would decide, and no other decides instead. */
export function createDefaultRuleResolver(ref: DefaultRuleRef | undefined) {
  const ids: string[] = []
  let compiled: CompiledRule | undefined
  return {
    /** To be asked of each rule. */
    names({ id }: AccessRule): boolean {
      ids.push(id)
      return ref !== undefined && id === ref.id
    },
    found(rule: CompiledRule): void {
      compiled = rule
    },
    /** Once all rules are known. */
    end(): { readonly otherwise: RuleMatch | Denial; readonly issue?: Diagnostic } {
      if (ref === undefined) return { otherwise: noRule() }
      const missing = internalError('rule_misconfigured', 'The default rule does not exist')
      const problem = idProblem(ref.id, ids)
      if (problem !== undefined)
        return { otherwise: missing, issue: { severity: 'error', ...ref.location, ...problem } }
      return { otherwise: compiled === undefined ? missing : { kind: 'found', rule: compiled, captures: [] } }
    },
  }
}

function idProblem(id: string, ids: readonly string[]): Pick<Diagnostic, 'message' | 'hint'> | undefined {
  const count = ids.filter(one => one === id).length
  if (count === 1) return undefined
  if (count > 1) return { message: `${count} rules have the id "${id}"`, hint: 'let one alone have it' }
  const suggestion = closestMatch(id, ids)
  return {
    message: `no rule has the id "${id}"`,
    hint: suggestion === undefined ? '' : `did you mean "${suggestion}"?`,
  }
}
