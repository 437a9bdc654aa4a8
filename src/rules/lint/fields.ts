/** Lints the fields of one rule: id, methods and keys without effect. */
import type { Diagnostic, DocumentPath } from '../../documents/diagnostic.ts'
import type { LocatedRule } from '../parse.ts'

/** Reports a diagnostic about the value at `path` in a rule. */
export type ReportDiagnostic = (
  severity: Diagnostic['severity'],
  path: DocumentPath,
  message: string,
  hint?: string,
) => void

/** Oathkeeper accepts missing and duplicate ids, but logs and metrics cannot distinguish such rules. */
export function lintId(
  { rule, location }: LocatedRule,
  firstUses: Map<string, LocatedRule['location']>,
  report: ReportDiagnostic,
): void {
  if (rule.id === '') {
    report('warning', [], 'the rule has no id', 'give it one: logs, metrics and /rules identify rules by id')
    return
  }
  const firstUse = firstUses.get(rule.id)
  if (firstUse === undefined) {
    firstUses.set(rule.id, location)
    return
  }
  // Only here: positions of thousands of rules would be parsed again for nothing.
  const { line } = firstUse.positionOf(['id'])
  const message = `duplicate id "${rule.id}", first used at ${firstUse.source}:${line}`
  report('warning', ['id'], message, 'give each rule its own id')
}

/** A request with another method is rejected before any rule is evaluated (RFC 9110, section 9.1). */
const METHOD_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/
/** Often written to mean any method, but only the method of exactly that name matches. */
const ANY_METHOD_WORD = /^(?:\*|any|all)$/i

/** Reports keys of `match` that have no effect together, and methods that no request has. */
export function lintMatch({ rule: { match } }: LocatedRule, report: ReportDiagnostic): void {
  if (match === undefined) return
  const warn = (key: string, message: string, hint?: string): void =>
    report('warning', ['match', key], message, hint)
  if (match.fullMethod !== undefined) {
    if (match.methods !== undefined) warn('methods', 'has no effect beside full_method', 'remove it')
    if (match.url !== '') warn('url', 'has no effect beside full_method', 'remove it')
    return
  }
  if (match.authority !== undefined)
    warn('authority', 'has no effect unless full_method is set', 'set full_method, or remove it')
  if (match.allowHttpGet)
    warn('allow_http_get', 'has no effect unless full_method is set', 'set full_method, or remove it')
  const methods = match.methods ?? []
  if (methods.length === 0) {
    warn('methods', 'no methods: the rule matches nothing', 'list them, for example [GET, POST]')
  }
  for (const [i, method] of methods.entries()) {
    const path: DocumentPath = ['match', 'methods', i]
    if (!METHOD_TOKEN.test(method)) {
      const message = `"${method}" is not a valid method: no request has it`
      report('warning', path, message, 'list each method separately: [GET, POST]')
    } else if (ANY_METHOD_WORD.test(method)) {
      const message = `"${method}" matches the method of that name only, not any method`
      report('warning', path, message, 'list the methods, for example [GET, POST]')
    }
  }
}
