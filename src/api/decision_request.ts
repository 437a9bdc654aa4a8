/** api/decision_call — an HTTP request to /decisions as the request that it asks about. Knows Node's message, no rule. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { badRequest, type Denial } from '../access/denial.ts'
import type { RequestView } from '../access/request.ts'
import { DEFAULT_PORTS, parseAuthority } from '../http/authority.ts'
import { type Cookie, cookieValues, parseCookies } from '../http/cookies.ts'
import { sanitizeRequestId } from '../http/request_id.ts'
import { type PathMode, parseRequestTarget } from '../http/request_target.ts'
import type { Instant } from '../lib/time.ts'

export interface DecisionCall {
  readonly kind: 'call'
  readonly request: RequestView
}

const DECISIONS_PATH = '/decisions'
const FORWARDED_PARTS = ['method', 'proto', 'host', 'uri'] as const
const METHOD_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/

/**
 * Direct mode: what follows `/decisions` is the original target. Forwarded mode: a trusted peer's X-Forwarded-Method,
 * -Proto, -Host and -Uri describe it, its query included. Refused is what a peer that hands on its client's
 * headers lets the client say (E2): another target than the call itself names, a second value of one of the four.
 */
export function readDecisionCall(
  message: IncomingMessage,
  body: Uint8Array,
  deadline: Instant,
  paths: PathMode,
  isTrustedProxy: (address: string) => boolean,
): DecisionCall | Denial {
  const peer = message.socket.remoteAddress ?? ''
  const isTrustedPeer = isTrustedProxy(peer)
  const lines = headerLines(message)
  const forwardedLines = (part: string): string[] =>
    isTrustedPeer ? lines.flatMap(([name, value]) => (name === `x-forwarded-${part}` ? [value] : [])) : []
  if (FORWARDED_PARTS.some(part => new Set(forwardedLines(part)).size > 1))
    return badRequest('X-Forwarded-Method, -Proto, -Host or -Uri has several unequal lines')
  const forwarded = (part: (typeof FORWARDED_PARTS)[number]): string | undefined =>
    forwardedLines(part)[0] || undefined
  const method = forwarded('method') ?? message.method ?? 'GET'
  if (!METHOD_TOKEN.test(method)) return badRequest('the method is not a token')
  const connectionScheme = 'encrypted' in message.socket ? 'https' : 'http'
  const scheme = (forwarded('proto') ?? connectionScheme).toLowerCase()
  if (!DEFAULT_PORTS.has(scheme)) return badRequest('the scheme is none of http, https, ws and wss')
  const hosts = new Set(lines.flatMap(([name, value]) => (name === 'host' ? [value] : [])))
  if (hosts.size > 1) return badRequest('the call has several unequal hosts')
  const host = forwarded('host') ?? message.headers.host ?? ''
  const authority = parseAuthority(host, scheme)
  if (authority === undefined) return badRequest('the host cannot be used')
  const directTarget = (message.url ?? DECISIONS_PATH).slice(DECISIONS_PATH.length)
  const forwardedUri = forwarded('uri')
  if (directTarget.startsWith('/') && forwardedUri !== undefined && !isSameTarget(forwardedUri, directTarget))
    return badRequest('the call names one target and X-Forwarded-Uri another')
  const target = parseRequestTarget(
    forwardedUri ?? (directTarget.startsWith('/') ? directTarget : `/${directTarget}`),
    paths,
  )
  if (target.kind === 'bad target') return badRequest(target.reason)
  const request = new DecisionRequestView(
    // Go and Envoy have the host in the request line: no template and no service sees it among the headers.
    lines.filter(([name]) => name !== 'host'),
    {
      method,
      scheme,
      host: authority.host,
      authority: host,
      peer: isTrustedPeer ? clientAddress(lines, peer, isTrustedProxy) : peer,
      body,
      deadline,
    },
    target,
  )
  return { kind: 'call', request }
}

/** Who asked the outermost trusted gateway: the last address of X-Forwarded-For that is none of theirs (E3); `peer` without one. */
function clientAddress(
  lines: HeaderLines,
  peer: string,
  isTrustedProxy: (address: string) => boolean,
): string {
  const hops = lines.flatMap(([name, value]) => (name === 'x-forwarded-for' ? value.split(',') : []))
  const client = hops.map(hop => hop.trim()).findLast(hop => !isTrustedProxy(hop))
  return client !== undefined && isIP(client) !== 0 ? client : peer
}

/** The same target; a gateway may leave the query out of its call. */
const isSameTarget = (uri: string, direct: string): boolean =>
  uri === direct || (!direct.includes('?') && uri.startsWith(`${direct}?`))

type HeaderLines = readonly (readonly [name: string, value: string])[]

function headerLines({ rawHeaders }: IncomingMessage): HeaderLines {
  const lines: (readonly [string, string])[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    lines.push([(rawHeaders[i] as string).toLowerCase(), decodeHeaderValue(rawHeaders[i + 1] as string)])
  }
  return lines
}

/** Node has each byte as a character; UTF-8 where it is that, as through the other door (D3). */
function decodeHeaderValue(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}

interface RequestFields {
  readonly method: string
  readonly scheme: string
  readonly host: string
  readonly authority: string
  readonly peer: string
  readonly body: Uint8Array
  readonly deadline: Instant
}

class DecisionRequestView implements RequestView {
  readonly method: string
  readonly scheme: string
  readonly host: string
  readonly authority: string
  readonly path: string
  readonly rawPath: string
  readonly query: string
  readonly remoteAddress: string
  readonly body: Uint8Array
  readonly deadline: Instant
  readonly sni = ''
  readonly principal = ''
  readonly #lines: HeaderLines
  #cookies: readonly Cookie[] | undefined

  constructor(
    lines: HeaderLines,
    facts: RequestFields,
    target: { readonly path: string; readonly rawPath: string; readonly query: string },
  ) {
    this.#lines = lines
    this.method = facts.method
    this.scheme = facts.scheme
    this.host = facts.host
    this.authority = facts.authority
    this.remoteAddress = facts.peer
    this.body = facts.body
    this.deadline = facts.deadline
    this.path = target.path
    this.rawPath = target.rawPath
    this.query = target.query
  }

  get requestId(): string {
    return sanitizeRequestId(this.header('x-request-id'))
  }
  header(name: string): string | undefined {
    return this.#lines.find(([key]) => key === name)?.[1]
  }
  headerValues(name: string): readonly string[] {
    return this.#lines.flatMap(([key, value]) => (key === name ? [value] : []))
  }
  headerEntries(): Iterable<readonly [string, string]> {
    return this.#lines
  }
  cookies(): readonly Cookie[] {
    this.#cookies ??= parseCookies(this.headerValues('cookie'))
    return this.#cookies
  }
  cookie(name: string): string | undefined {
    return this.cookieValues(name)[0]
  }
  cookieValues(name: string): readonly string[] {
    return cookieValues(this.headerValues('cookie'), name)
  }
}
