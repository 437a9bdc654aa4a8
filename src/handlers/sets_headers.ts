/** handlers/writes — which headers a handler would set, also where it cannot be built: no client may bring along what a rule has for its own (D1b). Knows no handler by name. */
import type { z } from 'zod'
import { nameFault } from '../http/header_rules.ts'

/** Of the parts of a configuration that can be read; `raw` itself stays as it is. */
export function writesOf<Config>(
  schema: z.ZodType<Config>,
  writes: ((config: Config) => readonly string[]) | undefined,
  raw: unknown,
): readonly string[] {
  if (writes === undefined) return []
  const whole = schema.safeParse(raw ?? {})
  const read = whole.success ? whole : schema.safeParse(without(raw, whole.error.issues))
  return read.success ? writes(read.data).filter(name => nameFault(name, 'request') === undefined) : []
}

function without(raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const rest = structuredClone(raw)
  for (const issue of issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(-1)
    const path = issue.code === 'unrecognized_keys' ? issue.path : issue.path.slice(0, -1)
    const parent = path.reduce<unknown>((at, key) => (isPlain(at) ? at[key] : undefined), rest)
    if (isPlain(parent)) for (const name of names) delete parent[name]
  }
  return rest
}

const isPlain = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
