/** Which headers of a 429 response of another service are passed on to the client. */

const FORWARDED_HEADERS: ReadonlySet<string> = new Set([
  'retry-after',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-ratelimit-type',
])

/** The first value of each rate limit header that is present. Names are in lower case. */
export function rateLimitHeaders(
  headers: readonly (readonly [name: string, value: string])[],
): { readonly name: string; readonly value: string }[] {
  const found = new Map<string, string>()
  for (const [name, value] of headers)
    if (FORWARDED_HEADERS.has(name) && !found.has(name)) found.set(name, value)
  return [...found].map(([name, value]) => ({ name, value }))
}
