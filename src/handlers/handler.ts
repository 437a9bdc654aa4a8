/** handlers/handler — what a handler is: schema, summary, compile. Knows no handler by name and nothing of files. */
import type { z } from 'zod'
import type { Authenticate, Respond, Step } from '../access/pipeline.ts'
import type { Path } from '../documents/issue.ts'
import type { Services } from './services.ts'
import { writesOf } from './sets_headers.ts'

export type Kind = 'authenticator' | 'authorizer' | 'mutator' | 'error'

/** The shape of function that each kind compiles to. `when` of an error handler is compiled by the builder. */
export interface Run {
  readonly authenticator: Authenticate
  readonly authorizer: Step
  readonly mutator: Step
  readonly error: Respond
}

/** What a handler may know of its surroundings while it is compiled. */
export interface CompileContext {
  readonly strategy: 'regexp' | 'glob'
  /** Says something at load without refusing: a lint. `path` leads from the handler's config to the value. */
  warn(path: Path, message: string, hint?: string): void
}

/** `Config` is what the schema decodes to: complete, frozen, checked. */
export interface Handler<K extends Kind, Config> {
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
  compile(config: Config, services: Services, context: CompileContext): Run[K]
  /** Names of the headers that it may set on the upstream request, lower case; feeds `Snapshot.writes`. */
  writes?(config: Config): readonly string[]
}

/** A fault of the configuration that no schema can see: a template that does not parse, a URL of the wrong kind. */
export class ConfigFault extends Error {
  readonly path: Path
  readonly hint: string
  /** What is wrong beside it, in other parts of the same config. */
  readonly others: readonly ConfigFault[]
  constructor(path: Path, message: string, hint = '', others: readonly ConfigFault[] = []) {
    super(message)
    this.path = path
    this.hint = hint
    this.others = others
  }
}

/** Makes something of each part; where `make` throws `ConfigFault`, all of what is wrong is thrown, not the first alone. */
export function makeEach<T, R>(parts: readonly T[], make: (part: T) => R): R[] {
  const made: R[] = []
  const faults: ConfigFault[] = []
  for (const part of parts) {
    try {
      made.push(make(part))
    } catch (error) {
      if (!(error instanceof ConfigFault)) throw error
      faults.push(error)
    }
  }
  const [first, ...others] = faults
  if (first !== undefined) throw new ConfigFault(first.path, first.message, first.hint, others)
  return made
}

/** A handler whose config type is closed over, so that unlike handlers can stand in one list. */
export interface SealedHandler<K extends Kind = Kind> {
  readonly kind: K
  readonly id: string
  readonly summary: string
  readonly schema: z.ZodType
  readonly example: object
  readonly ignoresConfig: boolean
  /** Decodes, then compiles; throws `z.ZodError` or `ConfigFault`. */
  build(raw: unknown, services: Services, context: CompileContext): { readonly run: Run[K] }
  /** What it may set; as far as that can be read where it cannot be built. Never throws. */
  writes(raw: unknown): readonly string[]
}

export function seal<K extends Kind, Config>(handler: Handler<K, Config>): SealedHandler<K> {
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
    writes: raw => writesOf(handler.config, handler.writes, raw),
  }
}

type Of<K extends Kind, Config> = Omit<Handler<K, Config>, 'kind'>
export const authenticator = <C>(h: Of<'authenticator', C>): Handler<'authenticator', C> => ({
  kind: 'authenticator',
  ...h,
})
export const authorizer = <C>(h: Of<'authorizer', C>): Handler<'authorizer', C> => ({
  kind: 'authorizer',
  ...h,
})
export const mutator = <C>(h: Of<'mutator', C>): Handler<'mutator', C> => ({ kind: 'mutator', ...h })
export const errorHandler = <C>(h: Of<'error', C>): Handler<'error', C> => ({ kind: 'error', ...h })
