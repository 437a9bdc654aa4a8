/** rules/compile — from rules as written to a snapshot and its issues. Knows the builder's type, no handler by name, no file. */

import { internal } from '../access/denial.ts'
import { first, only } from '../access/match_policy.ts'
import type { Authenticate, Responder, Stage, Step } from '../access/pipeline.ts'
import type { CompiledRule } from '../access/rule.ts'
import { growSnapshot, type Snapshot } from '../access/snapshot.ts'
import { formatPath, type Issue, type Path } from '../documents/issue.ts'
import type { Builder, Built, HandlerRef } from '../handlers/builder.ts'
import { lintResponders, selectResponders } from '../handlers/responses/select_responder.ts'
import type { Breathe } from '../lib/yield_to_event_loop.ts'
import { createDefaultRule, type DefaultRuleRef, NOWHERE } from './default_rule.ts'
import type { AccessRule } from './document.ts'
import { createLinter, type Report } from './lint/lint.ts'
import type { PlacedRule } from './parse.ts'
import { type CompiledPattern, compilePattern, compileRpcPattern } from './patterns/pattern.ts'
import type { Asked } from './patterns/request_url.ts'

export interface CompileParts {
  readonly rules: readonly PlacedRule[]
  readonly builder: Builder
  readonly strategy: 'regexp' | 'glob'
  /** How paths of requests are read: a pattern may be one that no path ever has. */
  readonly paths: Asked['paths']
  /** How hosts are compared: those of patterns are read as those of requests are. */
  readonly hosts: Asked['hosts']
  /** Which of several rules that match decides: none of them, or the first in order (Q-05, option). */
  readonly several: 'refuse' | 'first'
  /** Of the rule for what no other matches, and how to say what is wrong with it (Q-06, option). */
  readonly defaultRule: DefaultRuleRef | undefined
  readonly revision: string
  /** A rule with any error refuses the set, instead of answering 500 (Q-01, option). */
  readonly strict: boolean
  /** Called between rules; lets Checks through while thousands of patterns are compiled. */
  readonly breathe: Breathe
}

export interface Compiled {
  /** Absent when a pattern cannot be used, or in strict mode any rule: the set is refused. */
  readonly snapshot: Snapshot | undefined
  /** Rules without an error, in order, for `/rules`. */
  readonly listed: readonly AccessRule[]
  readonly issues: readonly Issue[]
}

export async function compileRules(parts: CompileParts): Promise<Compiled> {
  const issues: Issue[] = []
  const listed: AccessRule[] = []
  const growing = growSnapshot()
  const writes = new Set<string>()
  const linter = createLinter(parts)
  const byDefault = createDefaultRule(parts.defaultRule)
  let refused = false
  const fallback = selectResponders([], parts.builder.fallback)

  for (const placed of parts.rules) {
    const before = issues.length
    const report: Report = (severity, path, message, hint = '') => {
      const { line, column } = placed.place.at(path)
      const { source } = placed.place
      issues.push({ severity, source, line, column, path: formatPath(path), message, hint })
    }
    linter.rule(placed, report)
    const isDefault = byDefault.names(placed.rule)
    const made =
      isDefault && placed.rule.match === undefined ? undefined : usablePattern(placed.rule, parts, report)
    if (made === 'refused') refused = true
    const compiled = compileHandlers(placed.rule, parts.builder, writes, report)
    if (made !== 'refused' && (made !== undefined || isDefault)) {
      const methods = new Set(methodsOf(placed.rule).map(method => method.toUpperCase()))
      const rpc = placed.rule.match?.fullMethod === undefined ? {} : { rpc: true as const }
      const rule: CompiledRule = {
        id: placed.rule.id,
        ...rpc,
        methods,
        pattern: made?.pattern ?? NOWHERE,
        ...compiled,
      }
      growing.add(rule)
      if (made !== undefined) linter.pattern(placed, rule, made, report)
      if (isDefault) byDefault.found(rule)
    }
    const sound = !issues.slice(before).some(issue => issue.severity === 'error')
    if (sound) listed.push(placed.rule)
    else if (parts.strict) refused = true
    await parts.breathe()
  }
  const { otherwise, issue } = byDefault.end()
  if (issue !== undefined) {
    issues.push(issue)
    if (parts.strict) refused = true
  }
  const choose = parts.several === 'first' ? first : only
  const snapshot = growing.finish({
    revision: parts.revision,
    writes,
    fallback,
    hosts: parts.hosts,
    choose,
    otherwise,
  })
  await linter.set(snapshot)
  return refused ? { snapshot: undefined, listed: [], issues } : { snapshot, listed, issues }
}

/** `undefined`: the rule matches nothing; `'refused'`: the set cannot be used. */
function usablePattern(
  rule: AccessRule,
  { strategy, hosts }: CompileParts,
  report: Report,
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
  const made = compilePattern(match.url, strategy, hosts)
  if ('fault' in made) {
    report('error', ['match', 'url'], made.fault.message, made.fault.hint)
    return 'refused'
  }
  return made
}

/** Calls are POSTs; `allow_http_get` adds Connect's GET (spec 1.9). */
function methodsOf({ match }: AccessRule): readonly string[] {
  if (match?.fullMethod === undefined) return match?.methods ?? []
  return match.allowHttpGet ? ['POST', 'GET'] : ['POST']
}

function compileHandlers(rule: AccessRule, builder: Builder, writes: Set<string>, report: Report) {
  const keep = <F>(built: Built<F>, path: Path): Stage<F> => {
    for (const name of built.writes) writes.add(name)
    for (const f of built.faults) report(f.severity, [...path, ...f.path], f.message, f.hint)
    return built.stage
  }
  const authenticators: Stage<Authenticate>[] = rule.authenticators.map((ref, i) =>
    keep(builder.authenticator(ref), ['authenticators', i]),
  )
  if (authenticators.length === 0) {
    report('error', [], 'the rule has no authenticators: it answers 500', 'name at least one handler')
    const none = internal('rule_misconfigured', 'No authentication handler was set in the rule')
    authenticators.push({ id: '', run: () => none })
  }
  const steps: Stage<Step>[] = authorizersOf(rule, report).map(([ref, path]) =>
    keep(builder.authorizer(ref), path),
  )
  if (steps.length === 0) {
    const none = internal('rule_misconfigured', 'requested pipeline handler does not exist')
    steps.push({ id: '', run: () => none })
  }
  steps.push(...rule.mutators.map((ref, i) => keep(builder.mutator(ref), ['mutators', i])))
  if (rule.mutators.length === 0) {
    report('error', [], 'the rule has no mutators: it answers 500', 'add "mutators: [{handler: noop}]"')
    const none = internal('rule_misconfigured', 'No mutation handler was set in the rule')
    steps.push({ id: '', run: () => none })
  }
  return { authenticators, steps, responders: compileResponders(rule, builder, report) }
}

/** None where the rule does not say which, and then nothing is allowed. */
function authorizersOf(
  { authorizer, authorizers }: AccessRule,
  report: Report,
): readonly (readonly [HandlerRef, Path])[] {
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

function compileResponders(rule: AccessRule, builder: Builder, report: Report): readonly Responder[] {
  const own = (rule.errors ?? []).map((ref, i) => {
    const built = builder.responder(ref)
    for (const f of built.faults) report(f.severity, ['errors', i, ...f.path], f.message, f.hint)
    return built
  })
  for (const { severity, path, message, hint } of lintResponders(own)) report(severity, path, message, hint)
  return selectResponders(own, builder.fallback)
}
