/** Reads an HTTP request to `/decisions` as the request that the gateway asks about. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { badRequest, type Denial, rejectRequestLine } from '../access/denial.ts'
import type { RequestView } from '../access/request.ts'
import { RequestHead } from '../http/request_head.ts'
import { GATEWAY_SCHEMES, type RequestLine, readRequestLine } from '../http/request_line.ts'
import type { PathMode } from '../http/request_target.ts'
import type { Instant } from '../lib/time.ts'

export interface DecisionRequestOptions {
  readonly body: Uint8Array
  /** Monotonic. */
  readonly deadline: Instant
  readonly paths: PathMode
  /** Whether the `X-Forwarded-*` headers of a peer with this IP address describe the original request. */
  readonly isTrustedProxy: (address: string) => boolean
  /** Parts that `X-Forwarded-*` may state differently from a call in direct mode. */
  readonly directOverrides: ReadonlySet<CallPart>
}

const DECISIONS_PATH = '/decisions'
const FORWARDED_PARTS = ['method', 'proto', 'host', 'uri'] as const
/** The parts of a call that a gateway may also state in `X-Forwarded-*`, besides the target. */
export const CALL_PARTS = ['method', 'proto', 'host'] as const
export type CallPart = (typeof CALL_PARTS)[number]

/**
 * A gateway that asks at `/decisions/` for whatever target (as Oathkeeper allows) looks like one that asks for `/` and
 * passes on its client's X-Forwarded-Uri.
 */
const NAMES_THE_ROOT =
  'the call names one target, the / of /decisions/, and X-Forwarded-Uri another: call /decisions, without a slash'

/**
 * The request, or the denial of one that is not valid.
 *
 * Direct mode: the text after `/decisions` is the original target. Forwarded mode: the headers
 * X-Forwarded-Method, -Proto, -Host and -Uri of a trusted peer describe the request, its query included
 * . A gateway may pass on such headers of its client. Two unequal lines of one header show that,
 * and in direct mode each header that differs from the call. In forwarded mode the method of the call is the
 * gateway's own, so it never stands for a missing X-Forwarded-Method. Such requests are denied.
 */
export function readDecisionRequest(
  message: IncomingMessage,
  options: DecisionRequestOptions,
): DecisionRequest | Denial {
  const { isTrustedProxy } = options
  const peer = message.socket.remoteAddress ?? ''
  const isTrustedPeer = isTrustedProxy(peer)
  const lines = headerLines(message)
  const forwardedLines = (part: string): string[] =>
    isTrustedPeer ? valuesOf(lines, `x-forwarded-${part}`) : []
  if (FORWARDED_PARTS.some(part => new Set(forwardedLines(part)).size > 1))
    return badRequest('X-Forwarded-Method, -Proto, -Host or -Uri has several unequal lines')
  if (new Set(valuesOf(lines, 'host')).size > 1) return badRequest('the call has several unequal hosts')
  const forwarded = (part: (typeof FORWARDED_PARTS)[number]): string | undefined =>
    forwardedLines(part)[0] || undefined
  const directTarget = (message.url ?? DECISIONS_PATH).slice(DECISIONS_PATH.length)
  const forwardedTarget = forwarded('uri')
  if (
    directTarget.startsWith('/') &&
    forwardedTarget !== undefined &&
    !isSameTarget(forwardedTarget, directTarget)
  )
    return badRequest(
      directTarget === '/' ? NAMES_THE_ROOT : 'the call names one target and X-Forwarded-Uri another',
    )
  const call = {
    method: message.method ?? 'GET',
    proto: 'encrypted' in message.socket ? 'https' : 'http',
    host: message.headers.host ?? '',
  }
  if (directTarget.startsWith('/') || forwardedTarget === undefined) {
    const differs = (part: CallPart): boolean =>
      !options.directOverrides.has(part) && !isSamePart(part, forwarded(part) ?? call[part], call[part])
    if (CALL_PARTS.some(differs))
      return badRequest('the call differs from X-Forwarded-Method, -Proto or -Host')
  } else if (forwarded('method') === undefined)
    return badRequest('X-Forwarded-Uri comes without X-Forwarded-Method')
  const stated = {
    method: forwarded('method') ?? call.method,
    scheme: forwarded('proto') ?? call.proto,
    authority: forwarded('host') ?? call.host,
    target: forwardedTarget ?? (directTarget.startsWith('/') ? directTarget : `/${directTarget}`),
    headerCount: lines.length,
  }
  const line = readRequestLine(stated, GATEWAY_SCHEMES, options.paths)
  if (line.kind !== 'request line') return rejectRequestLine(line)
  const client = isTrustedPeer ? clientAddress(lines, peer, isTrustedProxy) : peer
  return new DecisionRequest(lines, line, client, options)
}

/**
 * The last address of X-Forwarded-For that is not a trusted proxy's, which is the client of the first one;
 * else `peer`.
 */
function clientAddress(
  lines: HeaderLines,
  peer: string,
  isTrustedProxy: (address: string) => boolean,
): string {
  const hops = valuesOf(lines, 'x-forwarded-for').flatMap(value => value.split(','))
  const client = hops.map(hop => hop.trim()).findLast(hop => !isTrustedProxy(hop))
  return client !== undefined && isIP(client) !== 0 ? client : peer
}

/** A gateway may leave out the query in its call. */
const isSameTarget = (forwarded: string, direct: string): boolean =>
  forwarded === direct || (!direct.includes('?') && forwarded.startsWith(`${direct}?`))

/** Hosts and schemes compare without regard to case, methods with it (RFC 9110, 9.1). */
const isSamePart = (part: CallPart, forwarded: string, called: string): boolean =>
  forwarded === called || (part !== 'method' && forwarded.toLowerCase() === called.toLowerCase())

type HeaderLines = readonly (readonly [name: string, value: string])[]

const valuesOf = (lines: HeaderLines, name: string): string[] =>
  lines.flatMap(([key, value]) => (key === name ? [value] : []))

function headerLines({ rawHeaders }: IncomingMessage): HeaderLines {
  const lines: (readonly [string, string])[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    lines.push([(rawHeaders[i] as string).toLowerCase(), decodeHeaderValue(rawHeaders[i + 1] as string)])
  }
  return lines
}

/** Node reads each byte as one character. Bytes that are UTF-8 become its text, as they do in a Check. */
function decodeHeaderValue(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}

/** A request that was read, as rules see it. */
export class DecisionRequest extends RequestHead implements RequestView {
  readonly kind = 'request'
  readonly remoteAddress: string
  readonly body: Uint8Array
  readonly deadline: Instant
  readonly sni = ''
  readonly principal = ''
  readonly #lines: HeaderLines

  constructor(
    lines: HeaderLines,
    line: RequestLine,
    remoteAddress: string,
    { body, deadline }: DecisionRequestOptions,
  ) {
    super(line)
    // Go and Envoy keep the host in the request line, so no template and no service sees it among the
    // headers.
    this.#lines = lines.filter(([name]) => name !== 'host')
    this.remoteAddress = remoteAddress
    this.body = body
    this.deadline = deadline
  }

  header(name: string): string | undefined {
    return this.#lines.find(([key]) => key === name)?.[1]
  }
  headerValues(name: string): readonly string[] {
    return valuesOf(this.#lines, name)
  }
  headerEntries(): Iterable<readonly [string, string]> {
    return this.#lines
  }
  headerNamesWithSymbols(lengths: Uint8Array): readonly string[] {
    return this.#lines.flatMap(([name]) =>
      lengths[name.length] === 1 && /[^a-z0-9-]/.test(name) ? [name] : [],
    )
  }
}
