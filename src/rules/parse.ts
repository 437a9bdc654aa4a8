/** Parses the text of one repository into access rules and diagnostics, each with its file, line and column. */
import { splitIntoBatches } from '../documents/batches.ts'
import { type Diagnostic, type DocumentPath, formatPath } from '../documents/diagnostic.ts'
import { reportSecondDocument } from '../documents/second_document.ts'
import type { SourcePosition } from '../documents/source_positions.ts'
import { parseYaml, type YamlDocument } from '../documents/yaml.ts'
import type { Yielder } from '../lib/yield_to_event_loop.ts'
import { type AccessRule, decodeRule } from './document.ts'
import { migrateRule } from './migrate.ts'

/** Where a rule was written. */
export interface SourceLocation {
  readonly source: string
  /** Line and column (1-based) of a value of the rule, or of its nearest parent that is present. */
  positionOf(path: DocumentPath): { readonly line: number; readonly column: number }
}

export interface LocatedRule {
  readonly rule: AccessRule
  readonly location: SourceLocation
}

export interface ParsedRules {
  /** `undefined` when one rule cannot be decoded: Oathkeeper then rejects the whole document. */
  readonly rules: readonly LocatedRule[] | undefined
  /** Every rule that can be decoded, even if the document is rejected: for `validate`, not for traffic. */
  readonly decodedRules: readonly LocatedRule[]
  readonly diagnostics: readonly Diagnostic[]
}

/** Parses a whole document at once. `source` is shown in diagnostics: a path, or a URL without credentials. */
export function parseRules(text: string, source: string): ParsedRules {
  const document = parseYaml(text, 'rules')
  const collector = createRuleCollector(source)
  if (document.kind === 'invalid') {
    const { line, column, message, hint } = document
    const syntaxError: Diagnostic = { severity: 'error', source, line, column, path: '', message, hint }
    return { rules: undefined, decodedRules: [], diagnostics: [syntaxError] }
  }
  collector.addDuplicateKeys(document, NO_OFFSET)
  reportSecondDocument(document, source, collector.diagnostics)
  const raw = document.value ?? []
  if (Array.isArray(raw)) {
    for (const [i, item] of raw.entries()) collector.addRule(item, [i], document, [i], NO_OFFSET)
    // Older versions of Oathkeeper's documentation show a single rule without a list around it.
  } else {
    collector.addRule(raw, [], document, [], NO_OFFSET)
    if (collector.finish().rules !== undefined) {
      const message = 'this is one rule without a list: Oathkeeper rejects such a file'
      const hint = 'put "- " before it for both'
      collector.diagnostics.push({ severity: 'notice', source, line: 1, column: 1, path: '', message, hint })
    }
  }
  return collector.finish()
}

/** Minimum size of a batch in UTF-16 code units; parsing one takes about a millisecond. */
const BATCH_CHARS = 16_384

/**
 * Like `parseRules`, but yields between batches and rules: parsing ten thousand rules in one go would delay every Check
 * that arrives meanwhile.
 */
export async function parseRulesInBatches(
  text: string,
  source: string,
  yieldToEventLoop: Yielder,
): Promise<ParsedRules> {
  const collector = createRuleCollector(source)
  let index = 0
  for (const batch of text.length > 2 * BATCH_CHARS ? splitIntoBatches(text, BATCH_CHARS) : [undefined]) {
    const document = batch === undefined ? undefined : parseYaml(batch.text, 'rules')
    // A text that cannot be split, or has a syntax error, is parsed whole, so that its positions are those of the file.
    if (batch === undefined || document?.kind !== 'document' || !Array.isArray(document.value)) {
      return parseRules(text, source)
    }
    collector.addDuplicateKeys(document, batch)
    for (const [i, item] of document.value.entries()) {
      collector.addRule(item, [index++], document, [i], batch)
      await yieldToEventLoop()
    }
    await yieldToEventLoop()
  }
  return collector.finish()
}

/** Line and column (0-based) at which a batch begins in the file. */
interface BatchOffset {
  readonly line: number
  readonly column: number
}
const NO_OFFSET: BatchOffset = { line: 0, column: 0 }

function createRuleCollector(source: string) {
  const diagnostics: Diagnostic[] = []
  const rules: LocatedRule[] = []
  let isRejected = false
  const translate = ({ line, column }: SourcePosition, offset: BatchOffset): SourcePosition => ({
    line: line + offset.line,
    column: line === 1 ? column + offset.column : column,
  })
  return {
    diagnostics,
    addDuplicateKeys(document: YamlDocument, offset: BatchOffset): void {
      for (const { key, ...position } of document.duplicates) {
        const message = `duplicate key "${key}"`
        const hint = 'the last one counts'
        diagnostics.push({
          severity: 'warning',
          source,
          ...translate(position, offset),
          path: key,
          message,
          hint,
        })
      }
    },
    /** `pathInFile` leads to the rule in the whole file, `pathInDocument` in the batch. */
    addRule(
      item: unknown,
      pathInFile: DocumentPath,
      document: YamlDocument,
      pathInDocument: DocumentPath,
      offset: BatchOffset,
    ): void {
      // Only this function is captured: a rule that held its document would keep all values of it in memory.
      const { positionOf: positionIn } = document
      const positionOf = (path: DocumentPath): SourcePosition =>
        translate(positionIn([...pathInDocument, ...path]), offset)
      const { rule, faults } = decodeRule(item)
      for (const { severity, path, message, hint } of faults) {
        const number = typeof pathInFile[0] === 'number' ? pathInFile[0] + 1 : 1
        diagnostics.push({
          severity,
          source,
          ...positionOf(path),
          // Without the index of the rule: line and column say which rule it is, as in every other diagnostic.
          path: formatPath(path),
          message: severity === 'error' ? `cannot decode rule ${number}: ${message}` : message,
          hint,
        })
      }
      if (rule === undefined) isRejected = true
      else rules.push({ rule: migrateRule(rule), location: { source, positionOf } })
    },
    finish: (): ParsedRules => ({ rules: isRejected ? undefined : rules, decodedRules: rules, diagnostics }),
  }
}
