/** rules/parse — the text of one repository to access rules and issues, each with file, line and column. Knows no handler. */

import { batchesOf } from '../documents/batches.ts'
import { formatPath, type Issue, type Path } from '../documents/issue.ts'
import type { TextPlace } from '../documents/source_positions.ts'
import { parseYaml, type YamlDocument } from '../documents/yaml.ts'
import type { Breathe } from '../lib/yield_to_event_loop.ts'
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
  /** Those that can be decoded, also where the document is refused: to look at, not to serve with. */
  readonly readable: readonly PlacedRule[]
  readonly issues: readonly Issue[]
}

/** `source` names the repository for people: a path or a URL without credentials. */
export function parseRules(text: string, source: string): ParsedRules {
  const document = parseYaml(text, 'rules')
  const reading = openReading(source)
  if (document.kind === 'fault') {
    const { line, column, message, hint } = document
    const fault: Issue = { severity: 'error', source, line, column, path: '', message, hint }
    return { rules: undefined, readable: [], issues: [fault] }
  }
  reading.duplicates(document, START)
  const raw = document.value ?? []
  if (Array.isArray(raw)) {
    for (const [i, item] of raw.entries()) reading.item(item, [i], document, [i], START)
    // One rule without a list around it: the older documentation shows it so.
  } else reading.item(raw, [], document, [], START)
  return reading.end()
}

/** UTF-16 code units; a step takes about a millisecond. */
const STEP = 16_384

/** The same with pauses: thousands of rules are read without anybody having to wait for it. */
export async function parseRulesInSteps(
  text: string,
  source: string,
  breathe: Breathe,
): Promise<ParsedRules> {
  const reading = openReading(source)
  let index = 0
  for (const batch of text.length > 2 * STEP ? batchesOf(text, STEP) : [undefined]) {
    const document = batch === undefined ? undefined : parseYaml(batch.text, 'rules')
    // What cannot be cut, or is not sound, is read as a whole: then its faults are those of the whole.
    if (batch === undefined || document?.kind !== 'document' || !Array.isArray(document.value)) {
      return parseRules(text, source)
    }
    reading.duplicates(document, batch)
    for (const [i, item] of document.value.entries()) {
      reading.item(item, [index++], document, [i], batch)
      await breathe()
    }
    await breathe()
  }
  return reading.end()
}

/** Where a document begins in the text that people know; 0-based. */
interface Start {
  readonly line: number
  readonly column: number
}
const START: Start = { line: 0, column: 0 }

function openReading(source: string) {
  const issues: Issue[] = []
  const rules: PlacedRule[] = []
  let refused = false
  const moved = ({ line, column }: TextPlace, start: Start): TextPlace => ({
    line: line + start.line,
    column: line === 1 ? column + start.column : column,
  })
  return {
    duplicates(document: YamlDocument, start: Start): void {
      for (const { key, ...place } of document.duplicates) {
        const message = `duplicate key "${key}"`
        const hint = 'the last one counts'
        issues.push({ severity: 'warning', source, ...moved(place, start), path: key, message, hint })
      }
    },
    /** `base` leads to the rule in the text that people know, `inside` in the document. */
    item(item: unknown, base: Path, document: YamlDocument, inside: Path, start: Start): void {
      // The place of a rule is kept as long as the rule; its document is not.
      const { at: placeIn } = document
      const at = (path: Path): TextPlace => moved(placeIn([...inside, ...path]), start)
      const { rule, faults } = decodeRule(item)
      for (const { severity, path, message, hint } of faults) {
        const number = typeof base[0] === 'number' ? base[0] + 1 : 1
        const name = severity === 'error' ? `rule ${number} cannot be read: ${message}` : message
        issues.push({
          severity,
          source,
          ...at(path),
          path: formatPath([...base, ...path]),
          message: name,
          hint,
        })
      }
      if (rule === undefined) refused = true
      else rules.push({ rule: migrate(rule), place: { source, at } })
    },
    end: (): ParsedRules => ({ rules: refused ? undefined : rules, readable: rules, issues }),
  }
}
