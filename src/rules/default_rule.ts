/** rules/default_rule — the rule that decides where no other matches: found by its id, or why there is none. Knows compiled rules, no file. */
import { type Denial, internal, noRule } from '../access/denial.ts'
import type { CompiledRule, Found, Pattern } from '../access/rule.ts'
import type { Issue } from '../documents/issue.ts'
import { nearest } from '../lib/closest_match.ts'
import type { AccessRule } from './document.ts'

/** As the configuration names it. */
export interface DefaultRuleRef {
  readonly id: string
  /** Where it does. */
  readonly place: Pick<Issue, 'source' | 'line' | 'column' | 'path'>
}

/** Of a rule that serves as the default alone. */
export const NOWHERE: Pattern = { text: '', origins: [], pathPrefix: '', exec: () => undefined }

/** For one compile. An id that no rule has, or two have, is a fault: 500 where the rule would decide, and no other decides instead. */
export function createDefaultRule(ref: DefaultRuleRef | undefined) {
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
    end(): { readonly otherwise: Found | Denial; readonly issue?: Issue } {
      if (ref === undefined) return { otherwise: noRule() }
      const missing = internal('rule_misconfigured', 'The default rule does not exist')
      const fault = faultOf(ref.id, ids)
      if (fault !== undefined)
        return { otherwise: missing, issue: { severity: 'error', ...ref.place, ...fault } }
      return { otherwise: compiled === undefined ? missing : { kind: 'found', rule: compiled, captures: [] } }
    },
  }
}

function faultOf(id: string, ids: readonly string[]): Pick<Issue, 'message' | 'hint'> | undefined {
  const count = ids.filter(one => one === id).length
  if (count === 1) return undefined
  if (count > 1) return { message: `${count} rules have the id "${id}"`, hint: 'let one alone have it' }
  const near = nearest(id, ids)
  return { message: `no rule has the id "${id}"`, hint: near === undefined ? '' : `did you mean "${near}"?` }
}
