/** envoy/header_rules — which names and values may leave through the door. Knows RFC 9110 and what Envoy does not check. */
import type { Header } from '../access/session.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/
const PLAIN = /^[\x20-\x7e]*$/

/** Names that frame the message or belong to the hop: Envoy writes them out as they are, and a request is smuggled (J1, D10). */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Characters of all headers of one answer together; Envoy's own limit is 60 KiB for a whole request (D11). */
const MOST = 56 * 1024

export type Direction = 'request' | 'response'

/** Why headers cannot leave, naming the header and never its value; `undefined` when they can (D2, J6–J8). */
export function headerFault(headers: readonly Header[], direction: Direction): string | undefined {
  let total = 0
  for (const { name, value } of headers) {
    if (!TOKEN.test(name)) return 'a header has an unusable name'
    if (FRAMING.has(name)) return `the header ${name} frames the message and is never set`
    if (direction === 'request' && name.startsWith('x-envoy-')) return `the header ${name} is Envoy's own`
    if (!PLAIN.test(value) && (CONTROL.test(value) || !value.isWellFormed())) {
      return `the value of the header ${name} has characters that no header may have`
    }
    total += name.length + value.length
  }
  return total > MOST ? 'the headers are too large together' : undefined
}
