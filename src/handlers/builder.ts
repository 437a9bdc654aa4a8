/** handlers/builder — from a handler as named in a rule to compiled functions: enabled? → merge → decode → compile → remember. Knows no handler by name and no file. */
import { z } from 'zod'
import { type Denial, misconfigured } from '../access/denial.ts'
import type { Authenticate, Respond, Stage, Step } from '../access/pipeline.ts'
import type { RequestView } from '../access/request.ts'
import type { JsonObject } from '../access/session.ts'
import type { DocumentPath } from '../documents/issue.ts'
import { typeMismatch } from '../documents/type_mismatch.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { canonicalJson, deepMerge } from '../lib/merge.ts'
import {
  type AnyHandler,
  type CompileContext,
  HandlerConfigError,
  type HandlerFunctions,
  type HandlerKind,
} from './handler.ts'
import { knownKeys } from './known_keys.ts'
import { compileWhen } from './responses/when.ts'
import type { Services } from './services.ts'

/** A handler's section of the service configuration, before any default. */
export interface HandlerSettings {
  readonly enabled: boolean
  readonly config: JsonObject | undefined
}
export type GlobalHandlers = Readonly<Record<HandlerKind, ReadonlyMap<string, HandlerSettings>>>

/** A handler as a rule names it. */
export interface HandlerRef {
  readonly handler: string
  readonly config?: unknown
}

/** What is wrong with one handler. `path` leads from the rule's (or, if `global`, the service's) handler entry to the value. */
export interface HandlerDiagnostic {
  readonly severity: 'error' | 'warning'
  readonly path: DocumentPath
  readonly message: string
  readonly hint: string
}

/** A stage that can always be run: one that could not be built answers 500, so that its rule still matches. */
export interface BuiltStage<F> {
  readonly stage: Stage<F>
  readonly setsHeaders: readonly string[]
  readonly diagnostics: readonly HandlerDiagnostic[]
}

/** An error handler as selection needs it (spec 7.1). */
export interface BuiltResponder {
  readonly id: string
  readonly when: (denial: Denial, request: RequestView) => boolean
  readonly respond: Respond
  /** Unknown, disabled or wrongly configured: a 500 where it would be used. */
  readonly misconfiguration: Denial | undefined
  /** Broken in a way that is found before conditions are looked at, so that a rule that names it answers 500 to every error. */
  readonly invalidatesRule: boolean
  /** The condition as text, equal for equal ones; empty for a handler that fits every error. */
  readonly conditionKey: string
  readonly diagnostics: readonly HandlerDiagnostic[]
}

export interface HandlerBuilder {
  authenticator(ref: HandlerRef): BuiltStage<Authenticate>
  authorizer(ref: HandlerRef): BuiltStage<Step>
  mutator(ref: HandlerRef): BuiltStage<Step>
  responder(ref: HandlerRef): BuiltResponder
  /** Error handlers of `errors.fallback`, built from the service configuration alone. */
  readonly fallback: readonly BuiltResponder[]
}

/** Wraps each compiled function in a span; the identity function when tracing is off. */
export type TraceHandler = <K extends HandlerKind>(
  kind: K,
  id: string,
  run: HandlerFunctions[K],
) => HandlerFunctions[K]

export interface HandlerBuilderDependencies {
  readonly handlers: readonly AnyHandler[]
  readonly settings: GlobalHandlers
  readonly fallback: readonly string[]
  readonly services: Services
  readonly strategy: CompileContext['strategy']
  readonly trace: TraceHandler
}

/** A choice of exactly one key: the rule's replaces the global one. */
const REPLACED_KEYS: ReadonlySet<string> = new Set(['token_from'])

const KIND_NAMES: Readonly<Record<HandlerKind, string>> = {
  authenticator: 'authenticator',
  authorizer: 'authorizer',
  mutator: 'mutator',
  error: 'error handler',
}
const SECTIONS: Readonly<Record<HandlerKind, string>> = {
  authenticator: 'authenticators',
  authorizer: 'authorizers',
  mutator: 'mutators',
  error: 'errors.handlers',
}

type BuildOutcome<K extends HandlerKind> = (
  | { readonly run: HandlerFunctions[K]; readonly diagnostics: readonly HandlerDiagnostic[] }
  | { readonly broken: Denial; readonly diagnostics: readonly HandlerDiagnostic[] }
) & { readonly setsHeaders: readonly string[] }

/** One builder a compile: equal handlers of a thousand rules share one function; afterwards the memory is dropped. */
export function createHandlerBuilder(dependencies: HandlerBuilderDependencies): HandlerBuilder {
  const outcomes = new Map<string, BuildOutcome<HandlerKind>>()
  const byKind = new Map<string, AnyHandler>(dependencies.handlers.map(h => [`${h.kind} ${h.id}`, h]))
  const idsOf = (kind: HandlerKind) => dependencies.handlers.filter(h => h.kind === kind).map(h => h.id)

  function buildHandler<K extends HandlerKind>(kind: K, id: string, effective: unknown): BuildOutcome<K> {
    const handler = byKind.get(`${kind} ${id}`) as AnyHandler<K> | undefined
    const name = KIND_NAMES[kind]
    if (handler === undefined) {
      const suggestion = closestMatch(id, idsOf(kind))
      const hint =
        suggestion === undefined ? `known: ${idsOf(kind).join(', ')}` : `did you mean "${suggestion}"?`
      const message = id === '' ? `no ${name} is named` : `unknown ${name} "${id}"`
      return misconfiguredOutcome(kind, ['handler'], message, hint)
    }
    // Also of one that is broken: a fault of one rule must not let clients bring its headers along through another.
    const setsHeaders = handler.setsHeaders(effective)
    if (dependencies.settings[kind].get(id)?.enabled !== true) {
      const hint = `set ${SECTIONS[kind]}.${id}.enabled: true`
      return {
        ...misconfiguredOutcome(kind, ['handler'], `${name} "${id}" is not enabled`, hint),
        setsHeaders,
      }
    }
    const diagnostics: HandlerDiagnostic[] = []
    const context: CompileContext = {
      strategy: dependencies.strategy,
      warn: (path, message, hint = '') =>
        diagnostics.push({ severity: 'warning', path: ['config', ...path], message, hint }),
    }
    try {
      const { run } = handler.build(effective, dependencies.services, context)
      return { run: dependencies.trace(kind, id, run), setsHeaders, diagnostics }
    } catch (error) {
      const errors = diagnosticsOf(error, handler.schema)
      return {
        broken: misconfigured(name, errors[0]?.message ?? ''),
        diagnostics: [...diagnostics, ...errors],
        setsHeaders,
      }
    }
  }

  function misconfiguredOutcome<K extends HandlerKind>(
    kind: K,
    path: DocumentPath,
    message: string,
    hint: string,
  ): BuildOutcome<K> {
    return {
      broken: misconfigured(KIND_NAMES[kind], message),
      diagnostics: [{ severity: 'error', path, message, hint }],
      setsHeaders: [],
    }
  }

  function effectiveConfig(kind: HandlerKind, ref: HandlerRef): unknown {
    return deepMerge(
      dependencies.settings[kind].get(ref.handler)?.config,
      ref.config ?? undefined,
      REPLACED_KEYS,
    )
  }

  function sharedOutcome<K extends HandlerKind>(
    kind: K,
    ref: HandlerRef,
    effective: unknown,
  ): BuildOutcome<K> {
    const key = `${kind} ${ref.handler} ${canonicalJson(effective) ?? ''}`
    const known = outcomes.get(key)
    if (known !== undefined) return known as BuildOutcome<K>
    const built = buildHandler(kind, ref.handler, effective)
    outcomes.set(key, built as BuildOutcome<HandlerKind>)
    return built
  }

  function buildStage<K extends 'authenticator' | 'authorizer' | 'mutator'>(
    kind: K,
    ref: HandlerRef,
  ): BuiltStage<HandlerFunctions[K]> {
    const made = sharedOutcome(kind, ref, effectiveConfig(kind, ref))
    const run = 'broken' in made ? ((() => made.broken) as unknown as HandlerFunctions[K]) : made.run
    return {
      stage: { id: ref.handler, run },
      setsHeaders: made.setsHeaders,
      diagnostics: made.diagnostics,
    }
  }

  function buildResponder(ref: HandlerRef): BuiltResponder {
    const effective = effectiveConfig('error', ref)
    const made = sharedOutcome('error', ref, effective)
    const respondWithError: Respond = () => ({ status: 500, headers: [], body: '' })
    const conditionKey = conditionKeyOf((effective as { when?: unknown } | undefined)?.when)
    const base = { id: ref.handler, diagnostics: made.diagnostics, conditionKey }
    // A handler that is known, sound and switched off hurts only where it would answer (spec 7.1).
    const isOnlyDisabled =
      dependencies.settings.error.get(ref.handler)?.enabled !== true &&
      byKind.get(`error ${ref.handler}`)?.schema.safeParse(effective ?? {}).success === true
    try {
      const matches = compileWhen((effective as { when?: unknown } | undefined)?.when)
      if ('broken' in made)
        return {
          ...base,
          when: matches,
          respond: respondWithError,
          misconfiguration: made.broken,
          invalidatesRule: !isOnlyDisabled,
        }
      return {
        ...base,
        when: matches,
        respond: made.run,
        misconfiguration: undefined,
        invalidatesRule: false,
      }
    } catch (error) {
      const [first] = diagnosticsOf(error)
      const denial = misconfigured(KIND_NAMES.error, first?.message ?? '')
      return {
        ...base,
        when: () => true,
        respond: respondWithError,
        misconfiguration: denial,
        invalidatesRule: true,
      }
    }
  }

  return {
    authenticator: ref => buildStage('authenticator', ref),
    authorizer: ref => buildStage('authorizer', ref),
    mutator: ref => buildStage('mutator', ref),
    responder: buildResponder,
    fallback: dependencies.fallback.map(id => buildResponder({ handler: id })),
  }
}

/** Any of the entries must fit; one without a member, as no entry at all, fits everything. */
function conditionKeyOf(when: unknown): string {
  if (!Array.isArray(when) || when.length === 0) return ''
  return when.some(entry => canonicalJson(entry) === '{}') ? '' : canonicalJson(when)
}

/** What a decoder or a handler's `compile` threw, as faults; anything else is an accident and goes on. */
function diagnosticsOf(error: unknown, schema?: z.ZodType): readonly HandlerDiagnostic[] {
  if (error instanceof HandlerConfigError) {
    return [error, ...error.otherErrors].map(({ path, message, hint }) => ({
      severity: 'error',
      path: ['config', ...path],
      message,
      hint,
    }))
  }
  if (error instanceof z.ZodError) return error.issues.flatMap(issue => zodDiagnostics(issue, schema))
  throw error
}

function zodDiagnostics(
  issue: z.core.$ZodIssue,
  schema: z.ZodType | undefined,
): readonly HandlerDiagnostic[] {
  const path = ['config', ...issue.path.map(part => (typeof part === 'symbol' ? String(part) : part))]
  if (issue.code === 'unrecognized_keys') {
    const known = schema === undefined ? [] : knownKeys(schema, issue.path)
    return issue.keys.map(key => {
      const suggestion = closestMatch(key, known)
      const hint = suggestion === undefined ? '' : `did you mean "${suggestion}"?`
      return { severity: 'error' as const, path: [...path, key], message: `unknown key "${key}"`, hint }
    })
  }
  const problem =
    issue.code === 'invalid_type'
      ? typeMismatch(issue.expected, issue.input)
      : { message: issue.message, hint: '' }
  return [{ severity: 'error', path, ...problem }]
}
