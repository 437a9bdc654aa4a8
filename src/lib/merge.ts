/** lib/merge — lays one configuration over another, as Oathkeeper does. Knows nothing of access control. */

type PlainObject = Readonly<Record<string, unknown>>

const isPlainObject = (value: unknown): value is PlainObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isEmptyObject = (value: unknown): boolean => isPlainObject(value) && Object.keys(value).length === 0

/**
 * `over` wins: maps merge key by key, everything else replaces, an explicit null included (spec 1.7). Maps under one of
 * the `whole` keys replace too, unless they are empty: they are a choice of exactly one key (`token_from`, Q-92).
 */
export function deepMerge(
  base: unknown,
  override: unknown,
  replacedKeys: ReadonlySet<string> = new Set(),
): unknown {
  if (override === undefined) return base
  if (!isPlainObject(base) || !isPlainObject(override)) return override
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(base)) result[key] = value
  for (const [key, value] of Object.entries(override)) {
    result[key] =
      replacedKeys.has(key) && !isEmptyObject(value) ? value : deepMerge(result[key], value, replacedKeys)
  }
  return result
}

/** Stable text of a JSON value, members sorted: equal values, equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    isPlainObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : member,
  )
}
