/** handlers/builder — from a handler as named in a rule to compiled functions: enabled? → merge → decode → compile → remember. Knows no handler by name and no file. */
import { z } from 'zod'
import { type Denial, misconfigured } from '../access/denial.ts'
import type { Authenticate, Respond, Stage, Step } from '../access/pipeline.ts'
import type { RequestView } from '../access/request.ts'
import type { JsonObject } from '../access/session.ts'
import type { Path } from '../documents/issue.ts'
import { mustBe } from '../documents/type_mismatch.ts'
import { nearest } from '../lib/closest_match.ts'
import { canonicalJson, merge } from '../lib/merge.ts'
import { type CompileContext, ConfigFault, type Kind, type Run, type SealedHandler } from './handler.ts'
import { knownKeys } from './known_keys.ts'
import { compileWhen } from './responses/when.ts'
import type { Services } from './services.ts'

/** A handler's section of the service configuration, before any default. */
export interface HandlerSettings {
  readonly enabled: boolean
  readonly config: JsonObject | undefined
}
export type GlobalHandlers = Readonly<Record<Kind, ReadonlyMap<string, HandlerSettings>>>

/** A handler as a rule names it. */
export interface HandlerRef {
  readonly handler: string
  readonly config?: unknown
}

/** What is wrong with one handler. `path` leads from the rule's (or, if `global`, the service's) handler entry to the value. */
export interface Fault {
  readonly severity: 'error' | 'warning'
  readonly path: Path
  readonly message: string
  readonly hint: string
}

/** A stage that can always be run: one that could not be built answers 500, so that its rule still matches. */
export interface Built<F> {
  readonly stage: Stage<F>
  readonly writes: readonly string[]
  readonly faults: readonly Fault[]
}

/** An error handler as selection needs it (spec 7.1). */
export interface BuiltResponder {
  readonly id: string
  readonly when: (denial: Denial, request: RequestView) => boolean
  readonly respond: Respond
  /** Unknown, disabled or wrongly configured: a 500 where it would be used. */
  readonly broken: Denial | undefined
  /** Broken in a way that is found before conditions are looked at, so that a rule that names it answers 500 to every error. */
  readonly spoils: boolean
  /** The condition as text, equal for equal ones; empty for a handler that fits every error. */
  readonly condition: string
  readonly faults: readonly Fault[]
}

export interface Builder {
  authenticator(ref: HandlerRef): Built<Authenticate>
  authorizer(ref: HandlerRef): Built<Step>
  mutator(ref: HandlerRef): Built<Step>
  responder(ref: HandlerRef): BuiltResponder
  /** Error handlers of `errors.fallback`, built from the service configuration alone. */
  readonly fallback: readonly BuiltResponder[]
}

/** Wraps each compiled function in a span; the identity function when tracing is off. */
export type Traced = <K extends Kind>(kind: K, id: string, run: Run[K]) => Run[K]

export interface BuilderParts {
  readonly handlers: readonly SealedHandler[]
  readonly settings: GlobalHandlers
  readonly fallback: readonly string[]
  readonly services: Services
  readonly strategy: CompileContext['strategy']
  readonly traced: Traced
}

/** A choice of exactly one key: the rule's replaces the global one. */
const CHOICES: ReadonlySet<string> = new Set(['token_from'])

const KIND_NAMES: Readonly<Record<Kind, string>> = {
  authenticator: 'authenticator',
  authorizer: 'authorizer',
  mutator: 'mutator',
  error: 'error handler',
}
const SECTIONS: Readonly<Record<Kind, string>> = {
  authenticator: 'authenticators',
  authorizer: 'authorizers',
  mutator: 'mutators',
  error: 'errors.handlers',
}

type Outcome<K extends Kind> = (
  | { readonly run: Run[K]; readonly faults: readonly Fault[] }
  | { readonly broken: Denial; readonly faults: readonly Fault[] }
) & { readonly writes: readonly string[] }

/** One builder a compile: equal handlers of a thousand rules share one function; afterwards the memory is dropped. */
export function createBuilder(parts: BuilderParts): Builder {
  const memory = new Map<string, Outcome<Kind>>()
  const byKind = new Map<string, SealedHandler>(parts.handlers.map(h => [`${h.kind} ${h.id}`, h]))
  const idsOf = (kind: Kind) => parts.handlers.filter(h => h.kind === kind).map(h => h.id)

  function construct<K extends Kind>(kind: K, id: string, effective: unknown): Outcome<K> {
    const handler = byKind.get(`${kind} ${id}`) as SealedHandler<K> | undefined
    const name = KIND_NAMES[kind]
    if (handler === undefined) {
      const near = nearest(id, idsOf(kind))
      const known = near === undefined ? `known: ${idsOf(kind).join(', ')}` : `did you mean "${near}"?`
      const message = id === '' ? `no ${name} is named` : `unknown ${name} "${id}"`
      return broken(kind, ['handler'], message, known)
    }
    // Also of one that is broken: a fault of one rule must not let clients bring its headers along through another.
    const writes = handler.writes(effective)
    if (parts.settings[kind].get(id)?.enabled !== true) {
      const hint = `set ${SECTIONS[kind]}.${id}.enabled: true`
      return { ...broken(kind, ['handler'], `${name} "${id}" is not enabled`, hint), writes }
    }
    const faults: Fault[] = []
    const context: CompileContext = {
      strategy: parts.strategy,
      warn: (path, message, hint = '') =>
        faults.push({ severity: 'warning', path: ['config', ...path], message, hint }),
    }
    try {
      const { run } = handler.build(effective, parts.services, context)
      return { run: parts.traced(kind, id, run), writes, faults }
    } catch (error) {
      const found = faultsOf(error, handler.schema)
      return { broken: misconfigured(name, found[0]?.message ?? ''), faults: [...faults, ...found], writes }
    }
  }

  function broken<K extends Kind>(kind: K, path: Path, message: string, hint: string): Outcome<K> {
    return {
      broken: misconfigured(KIND_NAMES[kind], message),
      faults: [{ severity: 'error', path, message, hint }],
      writes: [],
    }
  }

  function effectiveConfig(kind: Kind, ref: HandlerRef): unknown {
    return merge(parts.settings[kind].get(ref.handler)?.config, ref.config ?? undefined, CHOICES)
  }

  function outcome<K extends Kind>(kind: K, ref: HandlerRef, effective: unknown): Outcome<K> {
    const key = `${kind} ${ref.handler} ${canonicalJson(effective) ?? ''}`
    const known = memory.get(key)
    if (known !== undefined) return known as Outcome<K>
    const made = construct(kind, ref.handler, effective)
    memory.set(key, made as Outcome<Kind>)
    return made
  }

  function stage<K extends 'authenticator' | 'authorizer' | 'mutator'>(
    kind: K,
    ref: HandlerRef,
  ): Built<Run[K]> {
    const made = outcome(kind, ref, effectiveConfig(kind, ref))
    const run = 'broken' in made ? ((() => made.broken) as unknown as Run[K]) : made.run
    return {
      stage: { id: ref.handler, run },
      writes: made.writes,
      faults: made.faults,
    }
  }

  function responder(ref: HandlerRef): BuiltResponder {
    const effective = effectiveConfig('error', ref)
    const made = outcome('error', ref, effective)
    const refused: Respond = () => ({ status: 500, headers: [], body: '' })
    const condition = conditionOf((effective as { when?: unknown } | undefined)?.when)
    const base = { id: ref.handler, faults: made.faults, condition }
    // A handler that is known, sound and switched off hurts only where it would answer (spec 7.1).
    const isOff =
      parts.settings.error.get(ref.handler)?.enabled !== true &&
      byKind.get(`error ${ref.handler}`)?.schema.safeParse(effective ?? {}).success === true
    try {
      const when = compileWhen((effective as { when?: unknown } | undefined)?.when)
      if ('broken' in made) return { ...base, when, respond: refused, broken: made.broken, spoils: !isOff }
      return { ...base, when, respond: made.run, broken: undefined, spoils: false }
    } catch (error) {
      const [first] = faultsOf(error)
      const denial = misconfigured(KIND_NAMES.error, first?.message ?? '')
      return { ...base, when: () => true, respond: refused, broken: denial, spoils: true }
    }
  }

  return {
    authenticator: ref => stage('authenticator', ref),
    authorizer: ref => stage('authorizer', ref),
    mutator: ref => stage('mutator', ref),
    responder,
    fallback: parts.fallback.map(id => responder({ handler: id })),
  }
}

/** Any of the entries must fit; one without a member, as no entry at all, fits everything. */
function conditionOf(when: unknown): string {
  if (!Array.isArray(when) || when.length === 0) return ''
  return when.some(entry => canonicalJson(entry) === '{}') ? '' : canonicalJson(when)
}

/** What a decoder or a handler's `compile` threw, as faults; anything else is an accident and goes on. */
function faultsOf(error: unknown, schema?: z.ZodType): readonly Fault[] {
  if (error instanceof ConfigFault) {
    return [error, ...error.others].map(({ path, message, hint }) => ({
      severity: 'error',
      path: ['config', ...path],
      message,
      hint,
    }))
  }
  if (error instanceof z.ZodError) return error.issues.flatMap(issue => zodFaults(issue, schema))
  throw error
}

function zodFaults(issue: z.core.$ZodIssue, schema: z.ZodType | undefined): readonly Fault[] {
  const path = ['config', ...issue.path.map(part => (typeof part === 'symbol' ? String(part) : part))]
  if (issue.code === 'unrecognized_keys') {
    const known = schema === undefined ? [] : knownKeys(schema, issue.path)
    return issue.keys.map(key => {
      const near = nearest(key, known)
      const hint = near === undefined ? '' : `did you mean "${near}"?`
      return { severity: 'error' as const, path: [...path, key], message: `unknown key "${key}"`, hint }
    })
  }
  const said =
    issue.code === 'invalid_type' ? mustBe(issue.expected, issue.input) : { message: issue.message, hint: '' }
  return [{ severity: 'error', path, ...said }]
}
