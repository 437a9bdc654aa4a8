/** Which header names and values may be sent: the rules of RFC 9110, which Envoy does not check. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const CONTROL_CHARACTER = /[\0-\x08\x0a-\x1f\x7f]/
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/**
 * Headers that frame a message or belong to one hop. Envoy writes them out unchecked, which would allow
 * request smuggling.
 */
const FRAMING_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Longest sum of all names and values. By default Envoy limits the headers of a whole request to 60 KiB. */
const MAX_HEADERS_CHARS = 56 * 1024

/** Whether headers are for the upstream or for the client. */
export type HeaderDirection = 'request' | 'response'

/** Whether the text is a token (RFC 9110 §5.1). */
export const isHeaderName = (name: string): boolean => TOKEN.test(name)

/** Why a header of this lower-case name must not be set; `undefined` where it may be. */
export function headerNameProblem(name: string, direction: HeaderDirection): string | undefined {
  if (!isHeaderName(name)) return 'the header name is invalid'
  if (FRAMING_HEADERS.has(name) || name.startsWith('proxy-'))
    return `the header ${name} frames the message and is never set`
  if (direction === 'request' && name.startsWith('x-envoy-')) return `the header ${name} is Envoy's own`
  return undefined
}

/** Whether the text has no control character and no lone surrogate. */
export const isHeaderValue = (value: string): boolean =>
  PRINTABLE_ASCII.test(value) || (!CONTROL_CHARACTER.test(value) && value.isWellFormed())

/**
 * Why these headers must not be sent; `undefined` where they may be. Names a header and never quotes its
 * value, which may be a credential.
 */
export function headersProblem(
  headers: readonly { readonly name: string; readonly value: string }[],
  direction: HeaderDirection,
): string | undefined {
  let total = 0
  for (const { name, value } of headers) {
    const problem = headerNameProblem(name, direction)
    if (problem !== undefined) return problem
    if (!isHeaderValue(value)) return `the value of the header ${name} has an invalid character`
    total += name.length + value.length
  }
  return total > MAX_HEADERS_CHARS ? 'the headers are too large together' : undefined
}
