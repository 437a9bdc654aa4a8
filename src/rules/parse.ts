/** rules/parse — the text of one repository to access rules and issues, each with file, line and column. Knows no handler. */
import { formatPath, type Issue, type Path } from '../lib/issue.ts'
import { parseYaml, type YamlDocument } from '../lib/yaml.ts'
import { type AccessRule, decodeRule } from './document.ts'
import { migrate } from './migrate.ts'

/** Where a rule was written. */
export interface Place {
  readonly source: string
  /** 1-based place of a value of the rule, or of its nearest parent. */
  at(path: Path): { readonly line: number; readonly column: number }
}

export interface PlacedRule {
  readonly rule: AccessRule
  readonly place: Place
}

export interface ParsedRules {
  /** `undefined` when one rule cannot be decoded: the document is refused as a whole. */
  readonly rules: readonly PlacedRule[] | undefined
  readonly issues: readonly Issue[]
}

/** `source` names the repository for people: a path or a URL without credentials. */
export function parseRules(text: string, source: string): ParsedRules {
  const document = parseYaml(text, 'rules')
  if (document.kind === 'fault') {
    const { line, column, message } = document
    return {
      rules: undefined,
      issues: [{ severity: 'error', source, line, column, path: '', message, hint: 'write JSON or YAML' }],
    }
  }
  const issues: Issue[] = document.duplicates.map(({ key, line, column }) => ({
    severity: 'warning',
    source,
    line,
    column,
    path: key,
    message: `duplicate key "${key}"`,
    hint: 'the last one counts',
  }))
  const raw = document.value ?? []
  // One rule without a list around it: the older documentation shows it so.
  const list = Array.isArray(raw) ? raw : [raw]
  const rules: PlacedRule[] = []
  let refused = false
  list.forEach((item: unknown, index) => {
    const base: Path = Array.isArray(raw) ? [index] : []
    const { rule, faults } = decodeRule(item)
    for (const { severity, path, message, hint } of faults) {
      const name = severity === 'error' ? `rule ${index + 1} cannot be read: ${message}` : message
      issues.push(issueAt(document, source, [...base, ...path], severity, name, hint))
    }
    if (rule === undefined) refused = true
    else rules.push({ rule: migrate(rule), place: { source, at: path => document.at([...base, ...path]) } })
  })
  return { rules: refused ? undefined : rules, issues }
}

function issueAt(
  document: YamlDocument,
  source: string,
  path: Path,
  severity: Issue['severity'],
  message: string,
  hint: string,
): Issue {
  return { severity, source, ...document.at(path), path: formatPath(path), message, hint }
}
