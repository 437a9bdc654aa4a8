/** handlers/handler — what a handler is: schema, summary, compile. Knows no handler by name and nothing of files. */
import type { z } from 'zod'
import type { Authenticate, Respond, Step } from '../access/pipeline.ts'
import type { DocumentPath } from '../documents/issue.ts'
import type { Services } from './services.ts'
import { headersSetBy } from './sets_headers.ts'

export type HandlerKind = 'authenticator' | 'authorizer' | 'mutator' | 'error'

/** The shape of function that each kind compiles to. `when` of an error handler is compiled by the builder. */
export interface HandlerFunctions {
  readonly authenticator: Authenticate
  readonly authorizer: Step
  readonly mutator: Step
  readonly error: Respond
}

/** What a handler may know of its surroundings while it is compiled. */
export interface CompileContext {
  readonly strategy: 'regexp' | 'glob'
  /** Says something at load without refusing: a lint. `path` leads from the handler's config to the value. */
  warn(path: DocumentPath, message: string, hint?: string): void
}

/** `Config` is what the schema decodes to: complete, frozen, checked. */
export interface Handler<K extends HandlerKind, Config> {
  readonly kind: K
  /** As written in YAML. */
  readonly id: string
  /** One sentence that begins with a verb: for `docs/handlers.md` and `--help`. */
  readonly summary: string
  readonly config: z.ZodType<Config>
  /** A configuration that works, as a user would write it: documented, and built by the common test suite. */
  readonly example: object
  /** Oathkeeper takes any junk in this handler's config (spec 1.7, last lines). */
  readonly ignoresConfig?: boolean
  /** May throw `ConfigFault`. */
  compile(config: Config, services: Services, context: CompileContext): HandlerFunctions[K]
  /** Names of the headers that it may set on the upstream request, lower case; feeds `Snapshot.writes`. */
  setsHeaders?(config: Config): readonly string[]
}

/** A fault of the configuration that no schema can see: a template that does not parse, a URL of the wrong kind. */
export class HandlerConfigError extends Error {
  readonly path: DocumentPath
  readonly hint: string
  /** What is wrong beside it, in other parts of the same config. */
  readonly otherErrors: readonly HandlerConfigError[]
  constructor(path: DocumentPath, message: string, hint = '', others: readonly HandlerConfigError[] = []) {
    super(message)
    this.path = path
    this.hint = hint
    this.otherErrors = others
  }
}

/** Makes something of each part; where `make` throws `ConfigFault`, all of what is wrong is thrown, not the first alone. */
export function mapCollectingErrors<T, R>(items: readonly T[], map: (item: T) => R): R[] {
  const results: R[] = []
  const errors: HandlerConfigError[] = []
  for (const part of items) {
    try {
      results.push(map(part))
    } catch (error) {
      if (!(error instanceof HandlerConfigError)) throw error
      errors.push(error)
    }
  }
  const [first, ...others] = errors
  if (first !== undefined) throw new HandlerConfigError(first.path, first.message, first.hint, others)
  return results
}

/** A handler whose config type is closed over, so that unlike handlers can stand in one list. */
export interface AnyHandler<K extends HandlerKind = HandlerKind> {
  readonly kind: K
  readonly id: string
  readonly summary: string
  readonly schema: z.ZodType
  readonly example: object
  readonly ignoresConfig: boolean
  /** Decodes, then compiles; throws `z.ZodError` or `ConfigFault`. */
  build(raw: unknown, services: Services, context: CompileContext): { readonly run: HandlerFunctions[K] }
  /** What it may set; as far as that can be read where it cannot be built. Never throws. */
  setsHeaders(raw: unknown): readonly string[]
}

export function eraseConfigType<K extends HandlerKind, Config>(handler: Handler<K, Config>): AnyHandler<K> {
  return {
    kind: handler.kind,
    id: handler.id,
    summary: handler.summary,
    schema: handler.config,
    example: handler.example,
    ignoresConfig: handler.ignoresConfig ?? false,
    build(raw, services, context) {
      const config = handler.config.parse(handler.ignoresConfig ? {} : (raw ?? {}), { reportInput: true })
      return { run: handler.compile(config, services, context) }
    },
    setsHeaders: raw => headersSetBy(handler.config, handler.setsHeaders, raw),
  }
}

type WithoutKind<K extends HandlerKind, Config> = Omit<Handler<K, Config>, 'kind'>
export const defineAuthenticator = <C>(h: WithoutKind<'authenticator', C>): Handler<'authenticator', C> => ({
  kind: 'authenticator',
  ...h,
})
export const defineAuthorizer = <C>(h: WithoutKind<'authorizer', C>): Handler<'authorizer', C> => ({
  kind: 'authorizer',
  ...h,
})
export const defineMutator = <C>(h: WithoutKind<'mutator', C>): Handler<'mutator', C> => ({
  kind: 'mutator',
  ...h,
})
export const defineErrorHandler = <C>(h: WithoutKind<'error', C>): Handler<'error', C> => ({
  kind: 'error',
  ...h,
})
