/** Masks what differs between two equal responses of Kratos, so that they can be compared. */

const MASKS: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '<time>'],
  [/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g, '<date>'],
  [/(ory_(?:st|lo)_)[A-Za-z0-9]{32}/g, '$1<token>'],
  [/ory_kratos_session=[A-Za-z0-9_-]{300,}={0,2}/g, 'ory_kratos_session=<encrypted>'],
  [/csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/]{43}=/g, 'csrf_token_<hash>=<csrf>'],
  [/[A-Za-z0-9+/]{86}==/g, '<masked csrf>'],
  [/"ip_address":"127\.0\.0\.1:\d+"/g, '"ip_address":"<peer>"'],
  [/Max-Age=3(?:5\d\d|600)\b/g, 'Max-Age=<an hour>'],
  // The recordings use several users with different data.
  [/[a-z]+@example\.com/g, '<email>'],
  [/"external_id":"ext-1",/g, ''],
  [/"metadata_public":\{"plan":"free"\}/g, '"metadata_public":null'],
  [/127\.0\.0\.1:\d+/g, '<host>'],
]

const maskVolatile = (text: string): string =>
  MASKS.reduce((result, [pattern, mask]) => result.replaceAll(pattern, mask), text)

/** Headers of the connection, and lengths, which depend on the number of digits in times. */
const NOT_COMPARED = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'])

export interface Comparable {
  readonly status: number
  /** `name: value`, sorted. */
  readonly headers: readonly string[]
  readonly body: string
}

export function toComparable(
  status: number,
  headers: Iterable<readonly [string, string]>,
  body: string,
): Comparable {
  const lines = [...headers]
    .filter(([name]) => !NOT_COMPARED.has(name.toLowerCase()))
    .map(([name, value]) => maskVolatile(`${name.toLowerCase()}: ${value}`))
  return { status, headers: lines.sort(), body: maskVolatile(body) }
}
