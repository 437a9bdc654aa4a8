/** rules/parse — the text of one repository to access rules and issues, each with file, line and column. Knows no handler. */

import { splitIntoBatches } from '../documents/batches.ts'
import { type Diagnostic, type DocumentPath, formatPath } from '../documents/issue.ts'
import type { SourcePosition } from '../documents/source_positions.ts'
import { parseYaml, type YamlDocument } from '../documents/yaml.ts'
import type { Yielder } from '../lib/yield_to_event_loop.ts'
import { type AccessRule, decodeRule } from './document.ts'
import { migrateRule } from './migrate.ts'

/** Where a rule was written. */
export interface SourceLocation {
  readonly source: string
  /** 1-based place of a value of the rule, or of its nearest parent. */
  positionOf(path: DocumentPath): { readonly line: number; readonly column: number }
}

export interface LocatedRule {
  readonly rule: AccessRule
  readonly location: SourceLocation
}

export interface ParsedRules {
  /** `undefined` when one rule cannot be decoded: the document is refused as a whole. */
  readonly rules: readonly LocatedRule[] | undefined
  /** Those that can be decoded, also where the document is refused: to look at, not to serve with. */
  readonly decodedRules: readonly LocatedRule[]
  readonly diagnostics: readonly Diagnostic[]
}

/** `source` names the repository for people: a path or a URL without credentials. */
export function parseRules(text: string, source: string): ParsedRules {
  const document = parseYaml(text, 'rules')
  const collector = createRuleCollector(source)
  if (document.kind === 'fault') {
    const { line, column, message, hint } = document
    const fault: Diagnostic = { severity: 'error', source, line, column, path: '', message, hint }
    return { rules: undefined, decodedRules: [], diagnostics: [fault] }
  }
  collector.duplicates(document, NO_OFFSET)
  const raw = document.value ?? []
  if (Array.isArray(raw)) {
    for (const [i, item] of raw.entries()) collector.item(item, [i], document, [i], NO_OFFSET)
    // One rule without a list around it: the older documentation shows it so.
  } else collector.item(raw, [], document, [], NO_OFFSET)
  return collector.end()
}

/** UTF-16 code units; a step takes about a millisecond. */
const BATCH_CHARS = 16_384

/** The same with pauses: thousands of rules are read without anybody having to wait for it. */
export async function parseRulesInBatches(
  text: string,
  source: string,
  yieldToEventLoop: Yielder,
): Promise<ParsedRules> {
  const collector = createRuleCollector(source)
  let index = 0
  for (const batch of text.length > 2 * BATCH_CHARS ? splitIntoBatches(text, BATCH_CHARS) : [undefined]) {
    const document = batch === undefined ? undefined : parseYaml(batch.text, 'rules')
    // What cannot be cut, or is not sound, is read as a whole: then its faults are those of the whole.
    if (batch === undefined || document?.kind !== 'document' || !Array.isArray(document.value)) {
      return parseRules(text, source)
    }
    collector.duplicates(document, batch)
    for (const [i, item] of document.value.entries()) {
      collector.item(item, [index++], document, [i], batch)
      await yieldToEventLoop()
    }
    await yieldToEventLoop()
  }
  return collector.end()
}

/** Where a document begins in the text that people know; 0-based. */
interface BatchOffset {
  readonly line: number
  readonly column: number
}
const NO_OFFSET: BatchOffset = { line: 0, column: 0 }

function createRuleCollector(source: string) {
  const diagnostics: Diagnostic[] = []
  const rules: LocatedRule[] = []
  let refused = false
  const translate = ({ line, column }: SourcePosition, offset: BatchOffset): SourcePosition => ({
    line: line + offset.line,
    column: line === 1 ? column + offset.column : column,
  })
  return {
    duplicates(document: YamlDocument, start: BatchOffset): void {
      for (const { key, ...place } of document.duplicates) {
        const message = `duplicate key "${key}"`
        const hint = 'the last one counts'
        diagnostics.push({
          severity: 'warning',
          source,
          ...translate(place, start),
          path: key,
          message,
          hint,
        })
      }
    },
    /** `base` leads to the rule in the text that people know, `inside` in the document. */
    item(
      item: unknown,
      base: DocumentPath,
      document: YamlDocument,
      inside: DocumentPath,
      start: BatchOffset,
    ): void {
      // The place of a rule is kept as long as the rule; its document is not.
      const { positionOf: positionIn } = document
      const positionOf = (path: DocumentPath): SourcePosition =>
        translate(positionIn([...inside, ...path]), start)
      const { rule, faults } = decodeRule(item)
      for (const { severity, path, message, hint } of faults) {
        const number = typeof base[0] === 'number' ? base[0] + 1 : 1
        const name = severity === 'error' ? `rule ${number} cannot be read: ${message}` : message
        diagnostics.push({
          severity,
          source,
          ...positionOf(path),
          path: formatPath([...base, ...path]),
          message: name,
          hint,
        })
      }
      if (rule === undefined) refused = true
      else rules.push({ rule: migrateRule(rule), location: { source, positionOf } })
    },
    end: (): ParsedRules => ({ rules: refused ? undefined : rules, decodedRules: rules, diagnostics }),
  }
}
