/** handlers/writes — which headers a handler would set, also where it cannot be built: no client may bring along what a rule has for its own (D1b). Knows no handler by name. */
import type { z } from 'zod'
import { headerNameProblem } from '../http/header_rules.ts'

/** Of the parts of a configuration that can be read; `raw` itself stays as it is. */
export function headersSetBy<Config>(
  schema: z.ZodType<Config>,
  setsHeaders: ((config: Config) => readonly string[]) | undefined,
  raw: unknown,
): readonly string[] {
  if (setsHeaders === undefined) return []
  const whole = schema.safeParse(raw ?? {})
  const read = whole.success ? whole : schema.safeParse(withoutInvalid(raw, whole.error.issues))
  return read.success
    ? setsHeaders(read.data).filter(name => headerNameProblem(name, 'request') === undefined)
    : []
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
