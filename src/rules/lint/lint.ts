/** rules/lint — what rules say without meaning it: ids, methods, patterns that no request matches, pairs that collide. Knows rules as written and compiled, no file. */

import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Diagnostic, DocumentPath } from '../../documents/issue.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import type { LocatedRule } from '../parse.ts'
import { createWordFinder, type WordFinder } from '../patterns/automata.ts'
import type { CompiledPattern, ParsedPattern } from '../patterns/pattern.ts'
import type { RequestUrlOptions } from '../patterns/request_url.ts'
import { findWitnesses } from '../patterns/witness.ts'
import { findOverlaps } from './overlap.ts'
import { findShadowedRules } from './shadowed.ts'

export type ReportDiagnostic = (
  severity: Diagnostic['severity'],
  path: DocumentPath,
  message: string,
  hint?: string,
) => void

export interface LinterDependencies {
  readonly paths: RequestUrlOptions['paths']
  readonly hosts: RequestUrlOptions['hosts']
  /** Where the first of several rules decides, overlaps are meant. */
  readonly onMultipleMatches: 'refuse' | 'first'
  readonly yieldToEventLoop: Yielder
}

export interface Linter {
  /** Of one rule as written; to be called in order. */
  checkRule(placed: LocatedRule, report: ReportDiagnostic): void
  /** Of one rule whose pattern could be compiled. */
  checkPattern(placed: LocatedRule, rule: CompiledRule, made: CompiledPattern, report: ReportDiagnostic): void
  /** Of all rules together, once they are a snapshot. */
  checkSet(snapshot: SearchableSnapshot): Promise<void>
}

/** For one compile. */
export function createLinter({
  paths,
  hosts,
  onMultipleMatches,
  yieldToEventLoop,
}: LinterDependencies): Linter {
  const wordFinder: WordFinder = createWordFinder()
  const firstUses = new Map<string, string>()
  const examined: LintedRule[] = []
  return {
    checkRule(located, report) {
      lintId(located, firstUses, report)
      lintMatch(located, report)
    },
    checkPattern(placed, rule, { pattern, lints, parsed }, report) {
      for (const lint of lints) report('warning', matchPath(rule), lint.message, lint.hint)
      const { witnesses, dead } = findWitnesses(
        { pattern, lints, parsed },
        { paths, hosts, rpc: rule.rpc === true },
        wordFinder,
      )
      if (dead && !lints.some(lint => lint.message.includes(NEVER_MATCHES))) {
        report(
          'warning',
          matchPath(rule),
          `the pattern ${NEVER_MATCHES}: no request has such a URL`,
          NEVER_MATCHES_HINT,
        )
      }
      examined.push({ rule, parsed, witnesses, located: placed, report })
    },
    async checkSet(snapshot) {
      if (onMultipleMatches === 'first') {
        for (const { earlier, later } of await findShadowedRules({
          rules: examined,
          snapshot,
          paths,
          hosts,
          yieldToEventLoop,
        })) {
          const { rule, report } = examined[later] as LintedRule
          const message = `is never reached: ${describeRule(examined[earlier] as LintedRule)} comes before it and matches all that it matches`
          report('warning', matchPath(rule), message, 'put the narrower rule first')
        }
        return
      }
      const overlaps = await findOverlaps({
        rules: examined,
        snapshot,
        paths,
        hosts,
        wordFinder,
        yieldToEventLoop,
      })
      for (const { earlier, later, method, url, additional: more } of overlaps) {
        const { rule, report } = examined[later] as LintedRule
        const additional = more === 0 ? '' : `; it also overlaps with ${more} other${more === 1 ? '' : 's'}`
        const message = `overlaps with ${describeRule(examined[earlier] as LintedRule)}: ${method} ${url} matches both, and is answered with 500${additional}`
        report('warning', matchPath(rule), message, 'let exactly one rule match each request')
      }
    },
  }
}

interface LintedRule {
  readonly rule: CompiledRule
  readonly parsed: ParsedPattern
  readonly witnesses: readonly string[]
  readonly located: LocatedRule
  readonly report: ReportDiagnostic
}

const NEVER_MATCHES = 'never matches'
const NEVER_MATCHES_HINT = 'look at host, slashes and classes: nothing passes all of them'

const matchPath = ({ rpc }: CompiledRule): DocumentPath => ['match', rpc ? 'full_method' : 'url']

function describeRule({ rule, located: { location: place } }: LintedRule): string {
  const { line } = place.positionOf([])
  return rule.id === '' ? `the rule at ${place.source}:${line}` : `"${rule.id}" (${place.source}:${line})`
}

/** Ids need be neither present nor unique, but whoever reads logs wants both. */
function lintId(
  { rule, location: place }: LocatedRule,
  firstUses: Map<string, string>,
  report: ReportDiagnostic,
): void {
  if (rule.id === '') {
    report('warning', [], 'the rule has no id', 'give it one: logs, metrics and /rules name rules by id')
    return
  }
  const firstUse = firstUses.get(rule.id)
  const position = place.positionOf(['id'])
  if (firstUse === undefined) firstUses.set(rule.id, `${place.source}:${position.line}`)
  else report('warning', ['id'], `duplicate id "${rule.id}", first used at ${firstUse}`)
}

/** As requests are read: what is none is refused before any rule is asked. */
const METHOD_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/
/** Words that people mean as "any method"; they are names of methods that nobody uses. */
const ANY_METHOD_WORD = /^(?:\*|any|all)$/i

function lintMatch({ rule: { match } }: LocatedRule, report: ReportDiagnostic): void {
  if (match === undefined) return
  const matchField = (key: string): DocumentPath => ['match', key]
  if (match.fullMethod !== undefined) {
    if (match.methods !== undefined)
      report('warning', matchField('methods'), 'without effect beside full_method', 'leave it out')
    if (match.url !== '')
      report('warning', matchField('url'), 'without effect beside full_method', 'leave it out')
    return
  }
  if (match.authority !== undefined)
    report('warning', matchField('authority'), 'without effect unless full_method is set')
  if (match.allowHttpGet)
    report('warning', matchField('allow_http_get'), 'without effect unless full_method is set')
  const methods = match.methods ?? []
  if (methods.length === 0) {
    report('warning', matchField('methods'), 'no methods: the rule matches nothing', 'list them: [GET, POST]')
  }
  for (const [i, method] of methods.entries()) {
    const path: DocumentPath = [...matchField('methods'), i]
    if (!METHOD_TOKEN.test(method)) {
      report(
        'warning',
        path,
        `"${method}" is no method: no request has it`,
        'list each by itself: [GET, POST]',
      )
    } else if (ANY_METHOD_WORD.test(method)) {
      report(
        'warning',
        path,
        `"${method}" is a method by that name, not any method`,
        'list those that you mean',
      )
    }
  }
}
