/** lib/merge — lays one configuration over another, as Oathkeeper does. Knows nothing of access control. */

type Plain = Readonly<Record<string, unknown>>

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isEmpty = (value: unknown): boolean => isPlain(value) && Object.keys(value).length === 0

/**
 * `over` wins: maps merge key by key, everything else replaces, an explicit null included (spec 1.7). Maps under one of
 * the `whole` keys replace too, unless they are empty: they are a choice of exactly one key (`token_from`, Q-92).
 */
export function merge(base: unknown, over: unknown, whole: ReadonlySet<string> = new Set()): unknown {
  if (over === undefined) return base
  if (!isPlain(base) || !isPlain(over)) return over
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(base)) result[key] = value
  for (const [key, value] of Object.entries(over)) {
    result[key] = whole.has(key) && !isEmpty(value) ? value : merge(result[key], value, whole)
  }
  return result
}

/** Stable text of a JSON value, members sorted: equal values, equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    isPlain(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : member,
  )
}
