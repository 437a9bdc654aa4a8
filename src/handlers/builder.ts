/**
 * Builds the handlers of rules: merges the configurations of service and rule, decodes and compiles them, and
 * reports what is wrong. Long because stages and responders share one cache of built handlers.
 */
import { type Denial, misconfigured } from '../access/denial.ts'
import type { Authenticate, Respond, Stage, Step } from '../access/pipeline.ts'
import type { RequestView } from '../access/request.ts'
import type { JsonObject } from '../access/session.ts'
import type { CredentialLocations } from '../access/withheld_credentials.ts'
import type { DocumentPath } from '../documents/diagnostic.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { canonicalJson, deepMerge } from '../lib/merge.ts'
import { diagnosticsOf, type HandlerDiagnostic } from './compile/diagnostics.ts'
import type { AnyHandler, CompileContext, HandlerFunctions, HandlerKind } from './handler.ts'
import type { RefusalPages } from './pages/refusal_pages.ts'
import { compileWhen, conditionKey } from './responses/when.ts'
import type { Services } from './services.ts'

/** A handler's section of the service configuration, before any default. */
export interface HandlerSettings {
  readonly enabled: boolean
  readonly config: JsonObject | undefined
}
/** All handler sections of the service configuration, by kind and id. */
export type GlobalHandlers = Readonly<Record<HandlerKind, ReadonlyMap<string, HandlerSettings>>>

/** A handler as a rule names it. */
export interface HandlerRef {
  readonly handler: string
  readonly config?: unknown
}

/**
 * A stage that can always run. A misconfigured one denies with 500, so that its rule still matches.
 */
export interface BuiltStage<F> {
  readonly stage: Stage<F>
  /** Names in lower case of the headers that the stage may set on the upstream request. */
  readonly setsHeaders: readonly string[]
  /** Names of the cookies that the stage may set on the upstream request. */
  readonly setsCookies: readonly string[]
  /** Locations of the credentials that the upstream must not receive. */
  readonly withholds: CredentialLocations | undefined
  readonly diagnostics: readonly HandlerDiagnostic[]
}

/** An error handler with everything that `selectResponders` needs. */
export interface BuiltResponder {
  readonly id: string
  readonly when: (denial: Denial, request: RequestView) => boolean
  readonly respond: Respond
  /**
   * Defined if the handler is unknown, disabled or misconfigured. The rule then responds with this 500 where
   * it would use the handler.
   */
  readonly misconfiguration: Denial | undefined
  /**
   * Oathkeeper finds this misconfiguration before it evaluates conditions, so a rule with the handler
   * responds to every error with 500.
   */
  readonly invalidatesRule: boolean
  /** Canonical text of `when`. Empty for a handler that matches every error. */
  readonly conditionKey: string
  readonly diagnostics: readonly HandlerDiagnostic[]
}

/** Builds each handler that a rule names. Its methods never throw for a misconfigured handler. */
export interface HandlerBuilder {
  authenticator(ref: HandlerRef): BuiltStage<Authenticate>
  authorizer(ref: HandlerRef): BuiltStage<Step>
  mutator(ref: HandlerRef): BuiltStage<Step>
  responder(ref: HandlerRef): BuiltResponder
  /** Error handlers of `errors.fallback`, built from the service configuration only. */
  readonly fallback: readonly BuiltResponder[]
  /** The pages that browsers get in place of a fallback. */
  readonly pages: RefusalPages
}

/** Wraps a compiled function in a span. The identity function if tracing is off. */
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
  readonly pages: RefusalPages
  readonly trace: TraceHandler
}

/**
 * Objects with exactly one key. The rule's object replaces the global one instead of merging with it.
 */
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
  | { readonly misconfiguration: Denial; readonly diagnostics: readonly HandlerDiagnostic[] }
) &
  Pick<BuiltStage<unknown>, 'setsHeaders' | 'setsCookies' | 'withholds'>

/**
 * Returns a builder for one load of the rules. Equal handlers of all rules share one compiled function, which
 * saves time and memory.
 */
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
      const message = id === '' ? `the ${name} has no name` : `unknown ${name} "${id}"`
      return misconfiguredOutcome(kind, ['handler'], message, hint)
    }
    // Also for a misconfigured handler. Otherwise an error in one rule would let clients send its headers
    // through another rule.
    const sets = {
      setsHeaders: handler.setsHeaders(effective),
      setsCookies: handler.setsCookies(effective),
      withholds: handler.withholds(effective),
    }
    if (dependencies.settings[kind].get(id)?.enabled !== true) {
      const hint = `set ${SECTIONS[kind]}.${id}.enabled: true`
      return {
        ...misconfiguredOutcome(kind, ['handler'], `${name} "${id}" is not enabled`, hint),
        ...sets,
      }
    }
    const diagnostics: HandlerDiagnostic[] = []
    const context: CompileContext = {
      strategy: dependencies.strategy,
      pages: dependencies.pages,
      warn: (path, message, hint = '') =>
        diagnostics.push({ severity: 'warning', path: ['config', ...path], message, hint }),
    }
    try {
      const { run } = handler.build(effective, dependencies.services, context)
      return { run: dependencies.trace(kind, id, run), ...sets, diagnostics }
    } catch (error) {
      const errors = diagnosticsOf(error, handler.schema)
      return {
        misconfiguration: misconfigured(name, errors[0]?.message ?? ''),
        diagnostics: [...diagnostics, ...errors],
        ...sets,
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
      misconfiguration: misconfigured(KIND_NAMES[kind], message),
      diagnostics: [{ severity: 'error', path, message, hint }],
      setsHeaders: [],
      setsCookies: [],
      withholds: undefined,
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
    const shared = outcomes.get(key)
    if (shared !== undefined) return shared as BuildOutcome<K>
    const built = buildHandler(kind, ref.handler, effective)
    outcomes.set(key, built as BuildOutcome<HandlerKind>)
    return built
  }

  function buildStage<K extends 'authenticator' | 'authorizer' | 'mutator'>(
    kind: K,
    ref: HandlerRef,
  ): BuiltStage<HandlerFunctions[K]> {
    const built = sharedOutcome(kind, ref, effectiveConfig(kind, ref))
    const run =
      'misconfiguration' in built
        ? ((() => built.misconfiguration) as unknown as HandlerFunctions[K])
        : built.run
    return {
      stage: { id: ref.handler, run },
      setsHeaders: built.setsHeaders,
      setsCookies: built.setsCookies,
      withholds: built.withholds,
      diagnostics: built.diagnostics,
    }
  }

  function buildResponder(ref: HandlerRef): BuiltResponder {
    const effective = effectiveConfig('error', ref)
    const built = sharedOutcome('error', ref, effective)
    const when = (effective as { when?: unknown } | undefined)?.when
    const base = { id: ref.handler, diagnostics: built.diagnostics, conditionKey: conditionKey(when) }
    const failing = { ...base, respond: (() => ({ status: 500, headers: [], body: '' })) satisfies Respond }
    // Like Oathkeeper: a valid but disabled handler affects only the errors that it would handle.
    const isOnlyDisabled =
      dependencies.settings.error.get(ref.handler)?.enabled !== true &&
      byKind.get(`error ${ref.handler}`)?.schema.safeParse(effective ?? {}).success === true
    try {
      const matches = compileWhen(when)
      if ('misconfiguration' in built) {
        const { misconfiguration } = built
        return { ...failing, when: matches, misconfiguration, invalidatesRule: !isOnlyDisabled }
      }
      return {
        ...base,
        when: matches,
        respond: built.run,
        misconfiguration: undefined,
        invalidatesRule: false,
      }
    } catch (error) {
      const [first] = diagnosticsOf(error)
      const misconfiguration = misconfigured(KIND_NAMES.error, first?.message ?? '')
      return { ...failing, when: () => true, misconfiguration, invalidatesRule: true }
    }
  }

  return {
    authenticator: ref => buildStage('authenticator', ref),
    authorizer: ref => buildStage('authorizer', ref),
    mutator: ref => buildStage('mutator', ref),
    responder: buildResponder,
    fallback: dependencies.fallback.map(id => buildResponder({ handler: id })),
    pages: dependencies.pages,
  }
}
