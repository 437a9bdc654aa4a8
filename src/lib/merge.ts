/** Merges configurations as Oathkeeper does, and compares them by a canonical text. */

type PlainObject = Readonly<Record<string, unknown>>

const isPlainObject = (value: unknown): value is PlainObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isEmptyObject = (value: unknown): boolean => isPlainObject(value) && Object.keys(value).length === 0

/**
 * Values of `override` win: maps merge key by key, everything else replaces, an explicit null included. A map under one
 * of `replacedKeys` replaces as a whole unless it is empty: such a map selects exactly one key (`token_from`, Q-92).
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

/** A JSON text with sorted members: equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    isPlainObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : member,
  )
}
