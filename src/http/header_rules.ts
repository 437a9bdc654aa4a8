/** access/header_rules — which names and values may leave the house, through whichever door. Knows RFC 9110 and what Envoy does not check. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const CONTROL_CHARACTER = /[\0-\x08\x0a-\x1f\x7f]/
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** They frame the message or belong to the hop: Envoy writes them out as they are, and a request is smuggled (J1, D10). */
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

/** Characters of all headers of one answer together; Envoy's own limit is 60 KiB for a whole request (D11). */
const MAX_HEADERS_CHARS = 56 * 1024

export type HeaderDirection = 'request' | 'response'

/** RFC 9110 §5.1. */
export const isHeaderName = (name: string): boolean => TOKEN.test(name)

/** Why a header of this name, in lower case, is never set; `undefined` for one that may be. */
export function headerNameProblem(name: string, direction: HeaderDirection): string | undefined {
  if (!isHeaderName(name)) return 'a header has an unusable name'
  if (FRAMING_HEADERS.has(name) || name.startsWith('proxy-'))
    return `the header ${name} frames the message and is never set`
  if (direction === 'request' && name.startsWith('x-envoy-')) return `the header ${name} is Envoy's own`
  return undefined
}

/** No header may have others (D2, J7). */
export const isHeaderValue = (value: string): boolean =>
  PRINTABLE_ASCII.test(value) || (!CONTROL_CHARACTER.test(value) && value.isWellFormed())

/** Why headers cannot leave, naming the header and never its value; `undefined` when they can (D2, J6–J8). */
export function headersProblem(
  headers: readonly { readonly name: string; readonly value: string }[],
  direction: HeaderDirection,
): string | undefined {
  let total = 0
  for (const { name, value } of headers) {
    const problem = headerNameProblem(name, direction)
    if (problem !== undefined) return problem
    if (!isHeaderValue(value)) return `the value of the header ${name} has characters that no header may have`
    total += name.length + value.length
  }
  return total > MAX_HEADERS_CHARS ? 'the headers are too large together' : undefined
}
