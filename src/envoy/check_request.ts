/** envoy/decode — the bytes of a CheckRequest to what a rule may know of a request, or a refusal. Believes Envoy's attributes, never a forwarded header. */
import { badRequest, type Denial, denial } from '../access/denial.ts'
import type { RequestView } from '../access/request.ts'
import { ProtobufError } from '../grpc/protobuf_reader.ts'
import { parseAuthority } from '../http/authority.ts'
import { type Cookie, cookieValues, parseCookies } from '../http/cookies.ts'
import { sanitizeRequestId } from '../http/request_id.ts'
import { type PathMode, parseRequestTarget, type RequestTarget } from '../http/request_target.ts'
import type { Instant } from '../lib/time.ts'
import { CheckRequestMessage } from './check_request_message.ts'

/** Headers of one request, pseudo headers included (D12). */
const MAX_HEADERS = 1_000
const METHOD_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/

/** Security cases A1–A21, B1–B10, F5, F6, J2–J4, J9. Never throws for any bytes. */
export function decodeCheckRequest(
  bytes: Buffer,
  deadline: Instant,
  paths: PathMode,
): CheckRequestView | Denial {
  let wire: CheckRequestMessage
  try {
    wire = new CheckRequestMessage(bytes)
  } catch (error) {
    if (error instanceof ProtobufError) return badRequest(`the Check cannot be read: ${error.message}`)
    throw error
  }
  if (!wire.hasHttpRequest) return badRequest('the Check describes no HTTP request')
  if (wire.headerCount > MAX_HEADERS) {
    return denial(431, 'headers_too_large', 'The request has too many headers')
  }
  const { method, host } = wire
  if (!METHOD_TOKEN.test(method)) return badRequest('the method is not a token')
  const scheme = wire.scheme.toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') return badRequest('the scheme is neither http nor https')
  const authority = parseAuthority(host, scheme)
  if (authority === undefined) return badRequest('the host cannot be used')
  // `path` shows "!" for bytes that are not UTF-8, while the upstream receives the bytes; `:path` has them (J2).
  const target = parseRequestTarget(wire.header(':path') ?? wire.path, paths)
  if (target.kind === 'bad target') return badRequest(target.reason)
  return new CheckRequestView(
    wire,
    { method, scheme, host: authority.host, authority: host },
    target,
    deadline,
  )
}

type RequestLine = Pick<RequestView, 'method' | 'scheme' | 'host' | 'authority'>

/** A request that has been read; what few rules ask for becomes strings when they do. */
export class CheckRequestView implements RequestView {
  readonly kind = 'request'
  readonly method: string
  readonly scheme: string
  readonly host: string
  readonly authority: string
  readonly path: string
  readonly rawPath: string
  readonly query: string
  readonly deadline: Instant
  readonly #wire: CheckRequestMessage
  #lines: readonly string[] | undefined
  #cookies: readonly Cookie[] | undefined

  constructor(wire: CheckRequestMessage, line: RequestLine, target: RequestTarget, deadline: Instant) {
    this.#wire = wire
    this.method = line.method
    this.scheme = line.scheme
    this.host = line.host
    this.authority = line.authority
    this.path = target.path
    this.rawPath = target.rawPath
    this.query = target.query
    this.deadline = deadline
  }

  get requestId(): string {
    return sanitizeRequestId(this.#wire.header('x-request-id'))
  }
  get remoteAddress(): string {
    return this.#wire.sourceAddress
  }
  get sni(): string {
    return this.#wire.sni
  }
  get principal(): string {
    return this.#wire.principal
  }
  get body(): Uint8Array | undefined {
    return this.#wire.body
  }

  header(name: string): string | undefined {
    return this.#wire.header(name)
  }
  headerValues(name: string): readonly string[] {
    return this.#wire.headerValues(name)
  }
  headerEntries(): Iterable<readonly [string, string]> {
    return this.#wire.headerEntries()
  }

  cookies(): readonly Cookie[] {
    this.#cookies ??= parseCookies(this.#cookieLines())
    return this.#cookies
  }
  cookie(name: string): string | undefined {
    return this.cookieValues(name)[0]
  }
  cookieValues(name: string): readonly string[] {
    return cookieValues(this.#cookieLines(), name)
  }

  #cookieLines(): readonly string[] {
    this.#lines ??= this.#wire.headerValues('cookie')
    return this.#lines
  }
}
