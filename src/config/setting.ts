/** One setting: its path, type, default, description and what it means for flags, variables and reloads. */
import type { DocumentPath } from '../documents/diagnostic.ts'
import type { ValueType } from './value_types.ts'

/** What is wrong with a value, for the operator. The value itself is never quoted: it may be a secret. */
export interface ValueProblem {
  readonly message: string
  /** What to do about it; empty where the message says it. */
  readonly hint: string
}

/** A setting whose value is `T` once it has been read. Declared by `setting`, beside the code that uses it. */
export interface Setting<T> {
  /** Keys from the top, joined with dots. */
  readonly path: string
  readonly type: ValueType<unknown>
  /** As an operator would write it; `undefined` where the setting has no default. */
  readonly default: unknown
  /** One or two sentences: what it is, its unit, what the default and 0 do. */
  readonly description: string
  /** A setting that Oathkeeper does not have: it has a flag and a variable with the prefix `CREDENCE_`. */
  readonly credenceOnly: boolean
  /** Whether a change takes effect on reload; every other change waits for the next start. */
  readonly reloadable: boolean
  /** A secret has no flag, because command lines are visible to other users, and can be read from a file. */
  readonly secret: boolean
  /** Why a key of Oathkeeper that is accepted has no effect. */
  readonly ignoredBecause: string | undefined
  /** Reported when the setting has this value. */
  readonly warnIf: (ValueProblem & { readonly value: unknown }) | undefined
  /** Reported when the setting is not set. */
  readonly warnIfUnset: ValueProblem | undefined
  parse(raw: unknown): Parsed<T>
}

export type Parsed<T> = { readonly value: T } | { readonly problems: readonly ValueProblem[] }

export interface SettingOptions {
  readonly description: string
  readonly credenceOnly?: true
  readonly reloadable?: true
  readonly secret?: true
  readonly ignoredBecause?: string
  readonly warnIf?: ValueProblem & { readonly value: unknown }
  readonly warnIfUnset?: ValueProblem
}

/** The values of all settings. */
export interface SettingValues {
  /** Throws for a setting that is not part of the configuration, which is a bug. */
  get<T>(setting: Setting<T>): T
  /** Where a value was written: file, line and column, or a source without lines. */
  positionOf(path: DocumentPath): { readonly source: string; readonly line: number; readonly column: number }
}

/** Declares a setting. Its value is never `undefined` if it has a default. */
export function setting<T>(
  path: string,
  type: ValueType<T>,
  options: SettingOptions & { readonly default: unknown },
): Setting<T>
export function setting<T>(path: string, type: ValueType<T>, options: SettingOptions): Setting<T | undefined>
export function setting<T>(
  path: string,
  type: ValueType<T>,
  options: SettingOptions & { readonly default?: unknown },
): Setting<T> {
  return {
    path,
    type,
    default: options.default,
    description: options.description,
    credenceOnly: options.credenceOnly ?? false,
    reloadable: options.reloadable ?? false,
    secret: options.secret ?? false,
    ignoredBecause: options.ignoredBecause,
    warnIf: options.warnIf,
    warnIfUnset: options.warnIfUnset,
    parse: raw => parseValue(type, raw),
  }
}

function parseValue<T>(type: ValueType<T>, raw: unknown): Parsed<T> {
  const result = type.schema.safeParse(raw)
  if (result.success) return { value: result.data }
  const problems = result.error.issues.flatMap((issue): ValueProblem[] => {
    const hint: unknown = issue.code === 'custom' ? issue.params?.hint : undefined
    return typeof hint === 'string' ? [{ message: issue.message, hint }] : []
  })
  return { problems: problems.length > 0 ? problems : [{ message: `must be ${type.expected}`, hint: '' }] }
}

/** `serve.grpc.port` is `--serve-grpc-port`; `undefined` for secrets and for Oathkeeper's settings. */
export const flagName = ({ path, credenceOnly, secret }: Setting<unknown>): string | undefined =>
  credenceOnly && !secret ? `--${path.replace(/[._]/g, '-')}` : undefined

/** `serve.grpc.port` is `CREDENCE_SERVE_GRPC_PORT`; Oathkeeper's settings have no prefix: `SERVE_API_PORT`. */
export const variableName = ({
  path,
  credenceOnly,
}: Pick<Setting<unknown>, 'path' | 'credenceOnly'>): string =>
  `${credenceOnly ? 'CREDENCE_' : ''}${path.replaceAll('.', '_').toUpperCase()}`

/** The variable that names a file with the value of a secret. */
export const fileVariableName = (variable: string): string => `${variable}_FILE`
