/** Performs one HTTP exchange on one connection pool and returns its outcome as a value. */
import type { Dispatcher } from 'undici'
import type { Millis } from '../../lib/time.ts'
import type { HeaderPair, HttpFailure, HttpResponse, OutgoingRequest } from './message.ts'

/** A request as it is written to the connection. */
export interface PreparedRequest {
  readonly origin: string
  /** Path and query. */
  readonly path: string
  readonly method: string
  /** Names and values alternate. */
  readonly headers: readonly string[]
  readonly body: string | Uint8Array | null
}

/** A prepared request with the limits of one exchange. */
export interface ExchangeRequest extends PreparedRequest {
  /** Low-cardinality name of the service, for messages. */
  readonly target: string
  readonly proxied: boolean
  /** Maximum size of the response body. */
  readonly maxBytes: number
  /** Time left, in ms. It grows if another request joins the call. */
  readonly remaining: () => Millis
  /** Cause to report when no time is left. */
  readonly timeoutCause: () => 'timeout' | 'deadline'
}

export interface ExchangeResult {
  readonly outcome: HttpResponse | HttpFailure
  /** The connection failed before the first byte of a response. */
  readonly retryable: boolean
}

const CAUSE_MESSAGES: Readonly<Record<HttpFailure['cause'], string>> = {
  connect: 'connection failed',
  timeout: 'timed out',
  deadline: 'no response before the deadline of the request',
  reset: 'connection closed before the response was complete',
  too_large: 'response too large',
  malformed: 'invalid HTTP',
  closed: 'shutting down',
  busy: 'too many pending calls',
  setup: 'the client is not set up',
}

/**
 * A failure with a fixed message. `detail` must hold no text of another library, because such a text may
 * quote the request.
 */
export const httpFailure = (target: string, cause: HttpFailure['cause'], detail = ''): HttpFailure => ({
  kind: 'failed',
  cause,
  message: `${target}: ${CAUSE_MESSAGES[cause]}${detail === '' ? '' : ` (${detail})`}`,
})

/**
 * Headers that describe one connection (RFC 9110 §7.6.1) or that this client computes. Copied from another
 * request they would be wrong.
 */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Validates a request and completes its headers. User information in the URL becomes HTTP Basic
 * authentication, as in Go's client. Returns `undefined` for a URL that is not http or https and for CONNECT.
 */
export function prepareRequest(request: OutgoingRequest): PreparedRequest | undefined {
  const url = URL.parse(request.url)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined
  // CONNECT would give the server a raw tunnel instead of an exchange.
  if (request.method === 'CONNECT') return undefined
  const headers: string[] = []
  const names = new Set<string>()
  for (const [name, value] of request.headers) {
    const lower = name.toLowerCase()
    if (RESERVED_HEADERS.has(lower)) continue
    names.add(lower)
    headers.push(name, encodeHeaderValue(value))
  }
  // Without it a server may compress, and the size limit would not bound the decompressed body.
  if (!names.has('accept-encoding')) headers.push('accept-encoding', 'identity')
  if ((url.username !== '' || url.password !== '') && !names.has('authorization')) {
    const user = `${decodeUserInfo(url.username)}:${decodeUserInfo(url.password)}`
    headers.push('authorization', `Basic ${Buffer.from(user).toString('base64')}`)
  }
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers,
    body: request.body ?? null,
  }
}

function decodeUserInfo(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Encodes non-ASCII values as UTF-8 in the byte string that undici writes. */
const encodeHeaderValue = (value: string): string =>
  /^[\0-\x7f]*$/.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1')

/**
 * Never rejects. Calls `onReleased` when the pool has finished the call, which may be after the result
 * resolves.
 */
export function performExchange(
  pool: Pick<Dispatcher, 'dispatch'>,
  call: ExchangeRequest,
  onReleased: () => void,
): Promise<ExchangeResult> {
  const { promise, resolve } = Promise.withResolvers<ExchangeResult>()
  const chunks: Uint8Array[] = []
  let size = 0
  let status = 0
  let headers: readonly HeaderPair[] = []
  let settled = false
  let sent = false
  let responseStarted = false
  let controller: Dispatcher.DispatchController | undefined

  const settle = (outcome: HttpResponse | HttpFailure, retryable = false) => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    resolve({ outcome, retryable })
  }
  const failWith = (cause: HttpFailure['cause'], detail?: string) => {
    settle(httpFailure(call.target, cause, detail))
    controller?.abort(new Error(CAUSE_MESSAGES[cause]))
  }
  const expire = () => {
    const remaining = call.remaining()
    if (remaining > 0) timer = setTimeout(expire, Math.ceil(remaining))
    else failWith(call.timeoutCause())
  }
  let timer = setTimeout(expire, Math.ceil(call.remaining()))

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started
      sent = true
      // The call timed out while it waited for a connection.
      if (settled) started.abort(new Error(CAUSE_MESSAGES[call.timeoutCause()]))
    },
    onResponseStarted() {
      responseStarted = true
    },
    onResponseStart(_controller, code, fields) {
      if (code < 200) return
      status = code
      headers = toHeaderPairs(fields)
    },
    onResponseData(_controller, chunk) {
      size += chunk.length
      if (size > call.maxBytes) failWith('too_large')
      else if (isCompressed(headers)) failWith('malformed', 'compressed')
      else chunks.push(chunk)
    },
    onResponseEnd() {
      settle({ kind: 'answered', status, headers, body: Buffer.concat(chunks).toString('utf8') })
      onReleased()
    },
    onResponseError(_controller, error) {
      const cause = failureCause(error, sent)
      const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
      settle(
        httpFailure(call.target, cause, code),
        !responseStarted && (cause === 'connect' || cause === 'reset'),
      )
      onReleased()
    },
  }
  const { origin, path, method, body } = call
  // Undici's ProxyAgent drops repeated names from a flat list.
  const headerFields = call.proxied ? groupByName(call.headers) : [...call.headers]
  pool.dispatch({ origin, path, method, headers: headerFields, body }, handler)
  return promise
}

function groupByName(flat: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null)
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string
    headers[name] = [...(headers[name] ?? []), flat[i + 1] as string]
  }
  return headers
}

function failureCause(error: Error & { code?: unknown }, sent: boolean): HttpFailure['cause'] {
  const code = typeof error.code === 'string' ? error.code : ''
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return 'closed'
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'malformed'
  if (!sent) return 'connect'
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large'
  return error.name === 'HTTPParserError' ? 'malformed' : 'reset'
}

function toHeaderPairs(fields: Readonly<Record<string, string | string[] | undefined>>): HeaderPair[] {
  const pairs: HeaderPair[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'string') pairs.push([name, value])
    else for (const line of value ?? []) pairs.push([name, line])
  }
  return pairs
}

const isCompressed = (headers: readonly HeaderPair[]): boolean =>
  headers.some(([name, value]) => name === 'content-encoding' && value.toLowerCase() !== 'identity')
