/** Compiles the handlers of one rule: authenticators, authorizers, mutators and error handlers. */
import { internalError } from '../access/denial.ts'
import type { Authenticate, Responder, Stage, Step } from '../access/pipeline.ts'
import { type CredentialLocations, compileWithheldCredentials } from '../access/withheld_credentials.ts'
import type { DocumentPath } from '../documents/diagnostic.ts'
import type { BuiltStage, HandlerBuilder, HandlerRef } from '../handlers/builder.ts'
import { lintResponders, selectResponders } from '../handlers/responses/select_responder.ts'
import type { AccessRule } from './document.ts'
import type { ReportDiagnostic } from './lint/fields.ts'

/**
 * Builds all handlers of a rule. A part that is missing or misconfigured becomes a stage that answers 500, so that the rule
 * still matches and no other rule decides its requests. Adds the headers that the handlers can set,
 * and returns the names of the cookies that they can set.
 */
export function compileHandlers(
  rule: AccessRule,
  builder: HandlerBuilder,
  settableHeaders: Set<string>,
  report: ReportDiagnostic,
) {
  const cookies = new Set<string>()
  const withheld: CredentialLocations[] = []
  const collectStage = <F>(built: BuiltStage<F>, path: DocumentPath): Stage<F> => {
    for (const name of built.setsHeaders) settableHeaders.add(name)
    for (const name of built.setsCookies) cookies.add(name)
    if (built.withholds !== undefined) withheld.push(built.withholds)
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
  const responders = compileResponders(rule, builder, report)
  const credentials = compileWithheldCredentials(withheld, cookies)
  const handlers = { authenticators, steps, responders, ...(credentials && { withheld: credentials }) }
  return { handlers, cookies }
}

/** Empty when the rule has no authorizer or has both keys; such a rule answers 500. */
function authorizersOf(
  { authorizer, authorizers }: AccessRule,
  report: ReportDiagnostic,
): readonly (readonly [HandlerRef, DocumentPath])[] {
  if (authorizer !== undefined && authorizers !== undefined) {
    const message = 'the rule has both authorizer and authorizers: it answers 500'
    report('error', ['authorizers'], message, 'list all of them in authorizers')
    return []
  }
  if (authorizers !== undefined && authorizers.length > 0) {
    return authorizers.map((ref, i) => [ref, ['authorizers', i]])
  }
  if (authorizer !== undefined && authorizer.handler !== '') return [[authorizer, ['authorizer']]]
  report(
    'error',
    [],
    'the rule has no authorizer: it answers 500',
    'set authorizer.handler, for example allow',
  )
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
  return selectResponders(own, builder.fallback, builder.pages)
}
