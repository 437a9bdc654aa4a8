/**
 * Finds the headers that a handler sets, even if its configuration is invalid, so that clients cannot send
 * these headers.
 */
import type { z } from 'zod'
import { headerNameProblem } from '../../http/header_rules.ts'

/** Header names in lower case, from the valid parts of `raw`. Does not change `raw` and never throws. */
export function headersSetBy<Config>(
  schema: z.ZodType<Config>,
  setsHeaders: ((config: Config) => readonly string[]) | undefined,
  raw: unknown,
): readonly string[] {
  return namesSetBy(schema, setsHeaders, raw).filter(name => headerNameProblem(name, 'request') === undefined)
}

/** The same for names of any kind. */
export function namesSetBy<Config>(
  schema: z.ZodType<Config>,
  names: ((config: Config) => readonly string[]) | undefined,
  raw: unknown,
): readonly string[] {
  if (names === undefined) return []
  const whole = schema.safeParse(raw ?? {})
  const read = whole.success ? whole : schema.safeParse(withoutInvalid(raw, whole.error.issues))
  return read.success ? names(read.data) : []
}

function withoutInvalid(raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy = structuredClone(raw)
  for (const issue of issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(-1)
    const path = issue.code === 'unrecognized_keys' ? issue.path : issue.path.slice(0, -1)
    const parent = path.reduce<unknown>((at, key) => (isPlainObject(at) ? at[key] : undefined), copy)
    if (isPlainObject(parent)) for (const name of names) delete parent[name]
  }
  return copy
}

const isPlainObject = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
