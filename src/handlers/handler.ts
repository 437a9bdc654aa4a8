/**
 * Defines what a handler is: its id, its configuration schema, and the function that compiles a
 * configuration.
 */
import type { z } from 'zod'
import type { Authenticate, Respond, Step } from '../access/pipeline.ts'
import type { CredentialLocations } from '../access/withheld_credentials.ts'
import type { DocumentPath } from '../documents/diagnostic.ts'
import { headersSetBy, namesSetBy } from './compile/sets_headers.ts'
import type { RefusalPages } from './pages/refusal_pages.ts'
import type { Services } from './services.ts'

/** The four sections of the configuration that hold handlers. */
export type HandlerKind = 'authenticator' | 'authorizer' | 'mutator' | 'error'

/** The type of function that each kind compiles to. The builder compiles `when` of an error handler. */
export interface HandlerFunctions {
  readonly authenticator: Authenticate
  readonly authorizer: Step
  readonly mutator: Step
  readonly error: Respond
}

/** The surroundings of a handler while it compiles. */
export interface CompileContext {
  readonly strategy: 'regexp' | 'glob'
  /** The pages for browsers, as the configuration styles them. */
  readonly pages: Pick<RefusalPages, 'render'>
  /**
   * Reports a warning without rejecting the configuration. `path` leads from the handler's config to the
   * value.
   */
  warn(path: DocumentPath, message: string, hint?: string): void
}

/** `Config` is the decoded configuration. */
export interface Handler<K extends HandlerKind, Config> {
  readonly kind: K
  /** The name in rules and configuration. */
  readonly id: string
  /** One sentence for `docs/handlers.md`, beginning with a verb in lower case. */
  readonly summary: string
  readonly config: z.ZodType<Config>
  /**
   * A working configuration, printed in `docs/handlers.md` and built by
   * `test/handlers/every_handler.test.ts`.
   */
  readonly example: object
  /** Oathkeeper accepts any value as this handler's config. */
  readonly ignoresConfig?: boolean
  /** Runs once when rules load. Throws `HandlerConfigError` for a configuration that cannot work. */
  compile(config: Config, services: Services, context: CompileContext): HandlerFunctions[K]
  /**
   * Names in lower case of the headers that it may set on the upstream request. Clients cannot send these
   * headers through any rule.
   */
  setsHeaders?(config: Config): readonly string[]
  /** Names of the cookies that it may set on the upstream request. Clients cannot send them through other rules. */
  setsCookies?(config: Config): readonly string[]
  /** Locations of the credentials that the upstream must not receive; `undefined` if it may receive them. */
  withholds?(config: Config): CredentialLocations | undefined
}

/** A handler without its config type, so that one list can hold all handlers. */
export interface AnyHandler<K extends HandlerKind = HandlerKind> {
  readonly kind: K
  readonly id: string
  readonly summary: string
  readonly schema: z.ZodType
  readonly example: object
  readonly ignoresConfig: boolean
  /** Decodes and compiles a configuration. Throws `z.ZodError` or `HandlerConfigError`. */
  build(raw: unknown, services: Services, context: CompileContext): { readonly run: HandlerFunctions[K] }
  /** Headers that it may set, read as far as possible if the configuration is invalid. Never throws. */
  setsHeaders(raw: unknown): readonly string[]
  /** Cookies that it may set, read as far as possible if the configuration is invalid. Never throws. */
  setsCookies(raw: unknown): readonly string[]
  /** `undefined` for an invalid configuration, because its rule answers 500. Never throws. */
  withholds(raw: unknown): CredentialLocations | undefined
}

/** Hides the config type of a handler behind `build`, which decodes first. */
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
    setsCookies: raw => namesSetBy(handler.config, handler.setsCookies, raw),
    withholds(raw) {
      const parsed = handler.withholds && handler.config.safeParse(raw ?? {})
      return parsed?.success === true ? handler.withholds?.(parsed.data) : undefined
    },
  }
}

type WithoutKind<K extends HandlerKind, Config> = Omit<Handler<K, Config>, 'kind'>

/** Types a definition as an authenticator. */
export const defineAuthenticator = <C>(h: WithoutKind<'authenticator', C>): Handler<'authenticator', C> => ({
  kind: 'authenticator',
  ...h,
})
/** Types a definition as an authorizer. */
export const defineAuthorizer = <C>(h: WithoutKind<'authorizer', C>): Handler<'authorizer', C> => ({
  kind: 'authorizer',
  ...h,
})
/** Types a definition as a mutator. */
export const defineMutator = <C>(h: WithoutKind<'mutator', C>): Handler<'mutator', C> => ({
  kind: 'mutator',
  ...h,
})
/** Types a definition as an error handler. */
export const defineErrorHandler = <C>(h: WithoutKind<'error', C>): Handler<'error', C> => ({
  kind: 'error',
  ...h,
})
