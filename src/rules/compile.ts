/** Compiles parsed rules into a snapshot, with diagnostics about each rule and about the set. */
import { compileHeaderTwins, hyphenTwins } from '../access/header_twins.ts'
import { compileForeignCookies, type ForeignCookies } from '../access/identity_cookies.ts'
import { firstMatch, rejectMultiple } from '../access/match_policy.ts'
import type { CompiledRule } from '../access/rule.ts'
import { createSnapshotBuilder, type SearchableSnapshot, type Snapshot } from '../access/snapshot.ts'
import { type Diagnostic, formatPath } from '../documents/diagnostic.ts'
import type { HandlerBuilder } from '../handlers/builder.ts'
import { selectResponders } from '../handlers/responses/select_responder.ts'
import type { Yielder } from '../lib/yield_to_event_loop.ts'
import { compileHandlers } from './compile_handlers.ts'
import { createDefaultRuleResolver, type DefaultRuleRef, MATCHES_NOTHING } from './default_rule.ts'
import type { AccessRule } from './document.ts'
import type { ReportDiagnostic } from './lint/fields.ts'
import { createLinter } from './lint/linter.ts'
import type { LocatedRule } from './parse.ts'
import { type CompiledPattern, compilePattern, compileRpcPattern } from './patterns/pattern.ts'
import type { RequestUrlOptions } from './patterns/request_url.ts'

export interface CompileDependencies {
  readonly rules: readonly LocatedRule[]
  readonly builder: HandlerBuilder
  readonly strategy: 'regexp' | 'glob'
  /** How request paths are read: it decides which patterns can match any request. */
  readonly paths: RequestUrlOptions['paths']
  /** How hosts are compared; hosts of patterns are normalized like those of requests. */
  readonly hosts: RequestUrlOptions['hosts']
  /** What happens to a request that several rules match: it is rejected, or the first rule in order decides. */
  readonly onMultipleMatches: 'reject' | 'first'
  /** The rule for requests that no other rule matches. */
  readonly defaultRule: DefaultRuleRef | undefined
  readonly revision: string
  /** Whether a rule with an error rejects the set, instead of answering 500. */
  readonly strict: boolean
  /** Called between rules, so that Checks are not delayed while thousands of patterns are compiled. */
  readonly yieldToEventLoop: Yielder
}

export interface CompiledRuleSet {
  /** `undefined` when the set is rejected: a pattern cannot be used, or in strict mode any rule has an error. */
  readonly snapshot: Snapshot | undefined
  /** Rules without an error, in order; shown by `/rules`. */
  readonly validRules: readonly AccessRule[]
  /** What decided whether and how each rule serves. */
  readonly diagnostics: readonly Diagnostic[]
  /**
   * Looks for probable mistakes, and resolves to warnings. It takes longer than the compilation and no verdict depends on
   * it, so the rules can serve meanwhile. Call it once.
   */
  readonly lint: () => Promise<readonly Diagnostic[]>
}

/** Compiles a rule set. A rule whose handlers are misconfigured stays in the snapshot and answers 500. */
export async function compileRules(dependencies: CompileDependencies): Promise<CompiledRuleSet> {
  const diagnostics: Diagnostic[] = []
  const validRules: AccessRule[] = []
  const snapshotBuilder = createSnapshotBuilder()
  const settableHeaders = new Set<string>()
  const settableCookies = new Set<string>()
  const cookiesByRule = new Map<CompiledRule, ReadonlySet<string>>()
  const patterns = new Map<LocatedRule, PatternOfRule>()
  const defaultRule = createDefaultRuleResolver(dependencies.defaultRule)
  let isRejected = false
  const fallbackResponders = selectResponders([], dependencies.builder.fallback, dependencies.builder.pages)

  for (const located of dependencies.rules) {
    const countBefore = diagnostics.length
    const report = createReport(located, diagnostics)
    const isDefault = defaultRule.isDefault(located.rule)
    const compiledPattern =
      isDefault && located.rule.match === undefined
        ? undefined
        : compileRulePattern(located.rule, dependencies, report)
    if (compiledPattern === 'rejected') isRejected = true
    const { handlers, cookies } = compileHandlers(located.rule, dependencies.builder, settableHeaders, report)
    for (const name of cookies) settableCookies.add(name)
    if (compiledPattern !== 'rejected' && (compiledPattern !== undefined || isDefault)) {
      const rule: CompiledRule = {
        id: located.rule.id,
        ...(located.rule.match?.fullMethod === undefined ? {} : { rpc: true }),
        methods: methodsOf(located.rule),
        pattern: compiledPattern?.pattern ?? MATCHES_NOTHING,
        ...handlers,
      }
      snapshotBuilder.add(rule)
      cookiesByRule.set(rule, cookies)
      if (compiledPattern !== undefined) patterns.set(located, { rule, compiled: compiledPattern })
      if (isDefault) defaultRule.setCompiled(rule)
    }
    const isValid = !diagnostics.slice(countBefore).some(({ severity }) => severity === 'error')
    if (isValid) validRules.push(located.rule)
    else if (dependencies.strict) isRejected = true
    await dependencies.yieldToEventLoop()
  }
  const { defaultMatch, diagnostic } = defaultRule.resolve()
  if (diagnostic !== undefined) {
    diagnostics.push(diagnostic)
    if (dependencies.strict) isRejected = true
  }
  for (const name of hyphenTwins(settableHeaders)) settableHeaders.add(name)
  const matchPolicy = dependencies.onMultipleMatches === 'first' ? firstMatch : rejectMultiple
  const snapshot = snapshotBuilder.build({
    revision: dependencies.revision,
    settableHeaders,
    headerTwins: compileHeaderTwins(settableHeaders),
    foreignCookies: foreignCookiesByRule(cookiesByRule, settableCookies),
    fallbackResponders,
    renderForBrowser: dependencies.builder.pages.renderForBrowser,
    hosts: dependencies.hosts,
    matchPolicy,
    defaultMatch,
  })
  const lint = () => lintRules(dependencies, patterns, snapshot)
  return isRejected
    ? { snapshot: undefined, validRules: [], diagnostics, lint }
    : { snapshot, validRules, diagnostics, lint }
}

interface PatternOfRule {
  readonly rule: CompiledRule
  readonly compiled: CompiledPattern
}

async function lintRules(
  dependencies: CompileDependencies,
  patterns: ReadonlyMap<LocatedRule, PatternOfRule>,
  snapshot: SearchableSnapshot,
): Promise<readonly Diagnostic[]> {
  const linter = createLinter(dependencies)
  const warnings: Diagnostic[] = []
  for (const located of dependencies.rules) {
    const report = createReport(located, warnings)
    linter.checkRule(located, report)
    const known = patterns.get(located)
    if (known !== undefined) linter.checkPattern(located, known.rule, known.compiled, report)
    await dependencies.yieldToEventLoop()
  }
  await linter.checkSet(snapshot)
  return warnings
}

/** `undefined` where no rule writes cookies, so that other rule sets pay nothing. */
function foreignCookiesByRule(
  cookiesByRule: ReadonlyMap<CompiledRule, ReadonlySet<string>>,
  settableCookies: ReadonlySet<string>,
): ReadonlyMap<CompiledRule, ForeignCookies> | undefined {
  if (settableCookies.size === 0) return undefined
  /** Most rules write the same cookies or none, so they share a filter. */
  const filters = new Map<string, ForeignCookies | undefined>()
  const byRule = new Map<CompiledRule, ForeignCookies>()
  for (const [rule, own] of cookiesByRule) {
    const key = [...own].sort().join(' ')
    if (!filters.has(key)) {
      filters.set(key, compileForeignCookies([...settableCookies], own))
    }
    const filter = filters.get(key)
    if (filter !== undefined) byRule.set(rule, filter)
  }
  return byRule
}

/** Adds diagnostics about one rule, with the position of the value at a path. */
function createReport({ location }: LocatedRule, diagnostics: Diagnostic[]): ReportDiagnostic {
  return (severity, path, message, hint = '') => {
    const { line, column } = location.positionOf(path)
    const { source } = location
    diagnostics.push({ severity, source, line, column, path: formatPath(path), message, hint })
  }
}

/** `undefined`: the rule matches nothing; `'rejected'`: the pattern cannot be used, so the set is rejected. */
function compileRulePattern(
  rule: AccessRule,
  { strategy, hosts }: CompileDependencies,
  report: ReportDiagnostic,
): CompiledPattern | 'rejected' | undefined {
  const { match } = rule
  if (match === undefined) {
    report('error', [], 'the rule has no match: it matches nothing', 'add match.url and match.methods')
    return undefined
  }
  if (match.fullMethod !== undefined) {
    if ((match.authority ?? '') === '' || match.fullMethod === '') {
      const message = 'match.authority or match.full_method is empty: the rule matches nothing'
      report('warning', ['match', 'full_method'], message, 'set both, for example authority: <.*>')
    }
    const rpc = compileRpcPattern(match.authority ?? '', match.fullMethod, strategy, hosts)
    if ('fault' in rpc) {
      report('error', ['match', 'full_method'], rpc.fault.message, rpc.fault.hint)
      return 'rejected'
    }
    return rpc
  }
  if (match.url === '') {
    report('error', ['match', 'url'], 'match.url is empty: the rule matches nothing')
    return undefined
  }
  const compiled = compilePattern(match.url, strategy, hosts)
  if ('fault' in compiled) {
    report('error', ['match', 'url'], compiled.fault.message, compiled.fault.hint)
    return 'rejected'
  }
  return compiled
}

/** gRPC calls are POST requests; `allow_http_get` adds the GET requests of the Connect protocol. */
function methodsOf({ match }: AccessRule): ReadonlySet<string> {
  if (match?.fullMethod !== undefined) return new Set(match.allowHttpGet ? ['POST', 'GET'] : ['POST'])
  return new Set(match?.methods?.map(method => method.toUpperCase()))
}
