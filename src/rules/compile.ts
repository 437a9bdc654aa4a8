/** rules/compile — from rules as written to a snapshot and its issues. Knows the builder's type, no handler by name, no file. */

import { internalError } from '../access/denial.ts'
import { firstMatch, rejectMultiple } from '../access/match_policy.ts'
import type { Authenticate, Responder, Stage, Step } from '../access/pipeline.ts'
import type { CompiledRule } from '../access/rule.ts'
import { createSnapshotBuilder, type Snapshot } from '../access/snapshot.ts'
import { type Diagnostic, type DocumentPath, formatPath } from '../documents/issue.ts'
import type { BuiltStage, HandlerBuilder, HandlerRef } from '../handlers/builder.ts'
import { lintResponders, selectResponders } from '../handlers/responses/select_responder.ts'
import type { Yielder } from '../lib/yield_to_event_loop.ts'
import { createDefaultRuleResolver, type DefaultRuleRef, MATCHES_NOTHING } from './default_rule.ts'
import type { AccessRule } from './document.ts'
import { createLinter, type ReportDiagnostic } from './lint/lint.ts'
import type { LocatedRule } from './parse.ts'
import { type CompiledPattern, compilePattern, compileRpcPattern } from './patterns/pattern.ts'
import type { RequestUrlOptions } from './patterns/request_url.ts'

export interface CompileDependencies {
  readonly rules: readonly LocatedRule[]
  readonly builder: HandlerBuilder
  readonly strategy: 'regexp' | 'glob'
  /** How paths of requests are read: a pattern may be one that no path ever has. */
  readonly paths: RequestUrlOptions['paths']
  /** How hosts are compared: those of patterns are read as those of requests are. */
  readonly hosts: RequestUrlOptions['hosts']
  /** Which of several rules that match decides: none of them, or the first in order (Q-05, option). */
  readonly onMultipleMatches: 'refuse' | 'first'
  /** Of the rule for what no other matches, and how to say what is wrong with it (Q-06, option). */
  readonly defaultRule: DefaultRuleRef | undefined
  readonly revision: string
  /** A rule with any error refuses the set, instead of answering 500 (Q-01, option). */
  readonly strict: boolean
  /** Called between rules; lets Checks through while thousands of patterns are compiled. */
  readonly yieldToEventLoop: Yielder
}

export interface CompiledRuleSet {
  /** Absent when a pattern cannot be used, or in strict mode any rule: the set is refused. */
  readonly snapshot: Snapshot | undefined
  /** Rules without an error, in order, for `/rules`. */
  readonly validRules: readonly AccessRule[]
  readonly diagnostics: readonly Diagnostic[]
}

export async function compileRules(dependencies: CompileDependencies): Promise<CompiledRuleSet> {
  const diagnostics: Diagnostic[] = []
  const validRules: AccessRule[] = []
  const snapshotBuilder = createSnapshotBuilder()
  const settableHeaders = new Set<string>()
  const linter = createLinter(dependencies)
  const defaultRule = createDefaultRuleResolver(dependencies.defaultRule)
  let refused = false
  const fallbackResponders = selectResponders([], dependencies.builder.fallback)

  for (const located of dependencies.rules) {
    const issueCountBefore = diagnostics.length
    const report: ReportDiagnostic = (severity, path, message, hint = '') => {
      const { line, column } = located.location.positionOf(path)
      const { source } = located.location
      diagnostics.push({ severity, source, line, column, path: formatPath(path), message, hint })
    }
    linter.checkRule(located, report)
    const isDefault = defaultRule.names(located.rule)
    const compiledPattern =
      isDefault && located.rule.match === undefined
        ? undefined
        : compileRulePattern(located.rule, dependencies, report)
    if (compiledPattern === 'refused') refused = true
    const handlers = compileHandlers(located.rule, dependencies.builder, settableHeaders, report)
    if (compiledPattern !== 'refused' && (compiledPattern !== undefined || isDefault)) {
      const methods = new Set(methodsOf(located.rule).map(method => method.toUpperCase()))
      const rpc = located.rule.match?.fullMethod === undefined ? {} : { rpc: true as const }
      const rule: CompiledRule = {
        id: located.rule.id,
        ...rpc,
        methods,
        pattern: compiledPattern?.pattern ?? MATCHES_NOTHING,
        ...handlers,
      }
      snapshotBuilder.add(rule)
      if (compiledPattern !== undefined) linter.checkPattern(located, rule, compiledPattern, report)
      if (isDefault) defaultRule.found(rule)
    }
    const isValid = !diagnostics
      .slice(issueCountBefore)
      .some(defaultRuleDiagnostic => defaultRuleDiagnostic.severity === 'error')
    if (isValid) validRules.push(located.rule)
    else if (dependencies.strict) refused = true
    await dependencies.yieldToEventLoop()
  }
  const { otherwise: defaultMatch, issue } = defaultRule.end()
  if (issue !== undefined) {
    diagnostics.push(issue)
    if (dependencies.strict) refused = true
  }
  const matchPolicy = dependencies.onMultipleMatches === 'first' ? firstMatch : rejectMultiple
  const snapshot = snapshotBuilder.finish({
    revision: dependencies.revision,
    settableHeaders,
    fallbackResponders,
    hosts: dependencies.hosts,
    matchPolicy,
    defaultMatch,
  })
  await linter.checkSet(snapshot)
  return refused
    ? { snapshot: undefined, validRules: [], diagnostics }
    : { snapshot, validRules, diagnostics }
}

/** `undefined`: the rule matches nothing; `'refused'`: the set cannot be used. */
function compileRulePattern(
  rule: AccessRule,
  { strategy, hosts }: CompileDependencies,
  report: ReportDiagnostic,
): CompiledPattern | 'refused' | undefined {
  const { match } = rule
  if (match === undefined) {
    report('error', [], 'the rule has no match: it matches nothing', 'add match.url and match.methods')
    return undefined
  }
  if (match.fullMethod !== undefined) {
    if ((match.authority ?? '') === '' || match.fullMethod === '') {
      const message = 'match.authority or match.full_method is empty: the rule matches nothing'
      report('warning', ['match', 'full_method'], message, 'write e.g. authority: <.*>')
    }
    const rpc = compileRpcPattern(match.authority ?? '', match.fullMethod, strategy, hosts)
    if ('fault' in rpc) {
      report('error', ['match', 'full_method'], rpc.fault.message, rpc.fault.hint)
      return 'refused'
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
    return 'refused'
  }
  return compiled
}

/** Calls are POSTs; `allow_http_get` adds Connect's GET (spec 1.9). */
function methodsOf({ match }: AccessRule): readonly string[] {
  if (match?.fullMethod === undefined) return match?.methods ?? []
  return match.allowHttpGet ? ['POST', 'GET'] : ['POST']
}

function compileHandlers(
  rule: AccessRule,
  builder: HandlerBuilder,
  settableHeaders: Set<string>,
  report: ReportDiagnostic,
) {
  const collectStage = <F>(built: BuiltStage<F>, path: DocumentPath): Stage<F> => {
    for (const name of built.setsHeaders) settableHeaders.add(name)
    for (const fault of built.diagnostics)
      report(fault.severity, [...path, ...fault.path], fault.message, fault.hint)
    return built.stage
  }
  const authenticators: Stage<Authenticate>[] = rule.authenticators.map((ref, i) =>
    collectStage(builder.authenticator(ref), ['authenticators', i]),
  )
  if (authenticators.length === 0) {
    report('error', [], 'the rule has no authenticators: it answers 500', 'name at least one handler')
    const none = internalError('rule_misconfigured', 'No authentication handler was set in the rule')
    authenticators.push({ id: '', run: () => none })
  }
  const steps: Stage<Step>[] = authorizersOf(rule, report).map(([ref, path]) =>
    collectStage(builder.authorizer(ref), path),
  )
  if (steps.length === 0) {
    const none = internalError('rule_misconfigured', 'requested pipeline handler does not exist')
    steps.push({ id: '', run: () => none })
  }
  steps.push(...rule.mutators.map((ref, i) => collectStage(builder.mutator(ref), ['mutators', i])))
  if (rule.mutators.length === 0) {
    report('error', [], 'the rule has no mutators: it answers 500', 'add "mutators: [{handler: noop}]"')
    const none = internalError('rule_misconfigured', 'No mutation handler was set in the rule')
    steps.push({ id: '', run: () => none })
  }
  return { authenticators, steps, responders: compileResponders(rule, builder, report) }
}

/** None where the rule does not say which, and then nothing is allowed. */
function authorizersOf(
  { authorizer, authorizers }: AccessRule,
  report: ReportDiagnostic,
): readonly (readonly [HandlerRef, DocumentPath])[] {
  if (authorizer !== undefined && authorizers !== undefined) {
    const message = 'the rule has both authorizer and authorizers: it answers 500'
    report('error', ['authorizers'], message, 'put all of them into authorizers')
    return []
  }
  if (authorizers !== undefined && authorizers.length > 0) {
    return authorizers.map((ref, i) => [ref, ['authorizers', i]])
  }
  if (authorizer !== undefined && authorizer.handler !== '') return [[authorizer, ['authorizer']]]
  report('error', [], 'the rule has no authorizer: it answers 500', 'set authorizer.handler, e.g. allow')
  return []
}

function compileResponders(
  rule: AccessRule,
  builder: HandlerBuilder,
  report: ReportDiagnostic,
): readonly Responder[] {
  const own = (rule.errors ?? []).map((ref, i) => {
    const built = builder.responder(ref)
    for (const fault of built.diagnostics)
      report(fault.severity, ['errors', i, ...fault.path], fault.message, fault.hint)
    return built
  })
  for (const { severity, path, message, hint } of lintResponders(own)) report(severity, path, message, hint)
  return selectResponders(own, builder.fallback)
}
