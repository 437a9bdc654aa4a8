/** lib/rate_limit — which headers of an answer 429 may be passed on to the client. Knows nothing of access control. */

const FORWARDED_HEADERS: ReadonlySet<string> = new Set([
  'retry-after',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-ratelimit-type',
])

/** First value of each, only those present (spec 4.0). Names in lower case. */
export function rateLimitHeaders(
  headers: readonly (readonly [name: string, value: string])[],
): { readonly name: string; readonly value: string }[] {
  const found = new Map<string, string>()
  for (const [name, value] of headers)
    if (FORWARDED_HEADERS.has(name) && !found.has(name)) found.set(name, value)
  return [...found].map(([name, value]) => ({ name, value }))
}
