/** Reports what is probably a mistake in a rule set: ids, methods, patterns that never match, rules that overlap or shadow. */
import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { DocumentPath } from '../../documents/diagnostic.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import type { LocatedRule } from '../parse.ts'
import { createWordFinder, type WordFinder } from '../patterns/automata.ts'
import type { CompiledPattern, ParsedPattern } from '../patterns/pattern.ts'
import type { RequestUrlOptions } from '../patterns/request_url.ts'
import { findWitnesses } from '../patterns/witness.ts'
import { lintExtensions } from './extensions.ts'
import { lintId, lintMatch, type ReportDiagnostic } from './fields.ts'
import { findOverlaps } from './overlap.ts'
import { findShadowedRules } from './shadowed.ts'
import { findOpenTwins } from './slash_twins.ts'

export interface LinterDependencies {
  readonly paths: RequestUrlOptions['paths']
  readonly hosts: RequestUrlOptions['hosts']
  /** With `first`, overlaps are intended and not reported; rules that are never reached are reported instead. */
  readonly onMultipleMatches: 'reject' | 'first'
  readonly yieldToEventLoop: Yielder
}

export interface Linter {
  /** Checks id, methods and fields of one rule. Call it in the order of the rules. */
  checkRule(located: LocatedRule, report: ReportDiagnostic): void
  /** Checks one rule whose pattern compiles. */
  checkPattern(
    located: LocatedRule,
    rule: CompiledRule,
    compiled: CompiledPattern,
    report: ReportDiagnostic,
  ): void
  /** Checks all rules together. Call it after the last rule. */
  checkSet(snapshot: SearchableSnapshot): Promise<void>
}

/** Creates the linter of one compile. It only warns: no warning keeps a rule from being used. */
export function createLinter({
  paths,
  hosts,
  onMultipleMatches,
  yieldToEventLoop,
}: LinterDependencies): Linter {
  const wordFinder: WordFinder = createWordFinder()
  const firstUses = new Map<string, LocatedRule['location']>()
  const extendedSources = new Set<string>()
  const rules: LintedRule[] = []

  async function reportShadowed(snapshot: SearchableSnapshot): Promise<void> {
    const shadowed = await findShadowedRules({ rules, snapshot, paths, hosts, yieldToEventLoop })
    for (const { earlier, later } of shadowed) {
      const { rule, report } = rules[later] as LintedRule
      const message = `is never reached: ${describeRule(rules[earlier] as LintedRule)} comes before it and matches all that it matches`
      report('warning', matchPath(rule), message, 'put the narrower rule first')
    }
  }

  async function reportOverlaps(snapshot: SearchableSnapshot): Promise<void> {
    const overlaps = await findOverlaps({ rules, snapshot, paths, hosts, wordFinder, yieldToEventLoop })
    for (const { earlier, later, method, url, additional } of overlaps) {
      const { rule, report } = rules[later] as LintedRule
      const others =
        additional === 0
          ? ''
          : `; it also overlaps with ${additional} other rule${additional === 1 ? '' : 's'}`
      const message = `overlaps with ${describeRule(rules[earlier] as LintedRule)}: ${method} ${url} matches both and is answered with 500${others}`
      report('warning', matchPath(rule), message, 'let exactly one rule match each request')
    }
  }

  async function reportOpenTwins(snapshot: SearchableSnapshot): Promise<void> {
    for (const { guarded, open, method, url } of await findOpenTwins({
      rules,
      snapshot,
      wordFinder,
      paths,
      hosts,
      yieldToEventLoop,
    })) {
      const { rule, report } = rules[guarded] as LintedRule
      const other = rules.find(one => one.rule === open)
      const opener = other === undefined ? `the default rule "${open.id}"` : describeRule(other)
      const message = `does not match ${method} ${url}, which ${opener} allows without a credential`
      report('warning', matchPath(rule), message, OPEN_TWIN_HINT)
    }
  }

  return {
    checkRule(located, report) {
      lintId(located, firstUses, report)
      lintExtensions(located, extendedSources, report)
      lintMatch(located, report)
    },
    checkPattern(located, rule, compiled, report) {
      const { lints, parsed } = compiled
      for (const lint of lints) report('warning', matchPath(rule), lint.message, lint.hint)
      const { witnesses, dead, needsQuery } = findWitnesses(
        compiled,
        { paths, hosts, rpc: rule.rpc === true },
        wordFinder,
      )
      if (dead && !lints.some(lint => lint.message.includes(NEVER_MATCHES))) {
        const message = `the pattern ${NEVER_MATCHES}: no request has such a URL`
        report('warning', matchPath(rule), message, NEVER_MATCHES_HINT)
      }
      if (needsQuery && !lints.some(lint => lint.message.startsWith('the query')))
        report('warning', matchPath(rule), NEEDS_QUERY, NEEDS_QUERY_HINT)
      rules.push({ rule, parsed, witnesses, located, report })
    },
    async checkSet(snapshot) {
      await (onMultipleMatches === 'first' ? reportShadowed(snapshot) : reportOverlaps(snapshot))
      await reportOpenTwins(snapshot)
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
const NEVER_MATCHES_HINT = 'check host, slashes and character classes: no URL satisfies all of them'

const NEEDS_QUERY = 'the pattern needs "?" or "#", and the query of a URL is not matched'
const NEEDS_QUERY_HINT = 'end the pattern where the path ends; only a path with %3F or %23 could match'

const OPEN_TWIN_HINT =
  'a trailing slash counts; to match both, end the pattern in <(?:/.*)?>, or add a rule (with the glob strategy)'

const matchPath = ({ rpc }: CompiledRule): DocumentPath => ['match', rpc ? 'full_method' : 'url']

function describeRule({ rule, located: { location } }: LintedRule): string {
  const position = `${location.source}:${location.positionOf([]).line}`
  return rule.id === '' ? `the rule at ${position}` : `"${rule.id}" (${position})`
}
