/** Compares expected values, which may contain `{{any}}`, with actual ones. */
export type PlainObject = Readonly<Record<string, unknown>>
export const isPlainObject = (value: unknown): value is PlainObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `{{any}}` matches any text. */
export function matchesText(want: string, got: unknown): boolean {
  if (typeof got !== 'string') return false
  if (!want.includes('{{any}}')) return want === got
  const source = want
    .split('{{any}}')
    .map(part => part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${source}$`, 's').test(got)
}

export function matchesJson(want: unknown, got: unknown): boolean {
  if (typeof want === 'string') return want === '{{any}}' || matchesText(want, got)
  if (Array.isArray(want))
    return (
      Array.isArray(got) && want.length === got.length && want.every((one, i) => matchesJson(one, got[i]))
    )
  if (!isPlainObject(want)) return want === got
  if (!isPlainObject(got) || Object.keys(want).length !== Object.keys(got).length) return false
  return Object.entries(want).every(([key, value]) => key in got && matchesJson(value, got[key]))
}

export const matchesNumber = (want: number | readonly number[], got: number): boolean =>
  [want].flat().includes(got)
