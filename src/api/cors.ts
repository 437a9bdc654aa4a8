/** Cross-origin resource sharing (Fetch §3.2) for the api server: which pages of other origins may read its replies. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Reply } from './reply.ts'

export interface CorsOptions {
  /**
   * Allowed origins; one `*` in an origin matches any text, and `*` alone all origins. Empty: none is
   * allowed.
   */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  /** Request headers that a page may set; `*` for all. */
  readonly headers: readonly string[]
  /** Response headers that a page may read. */
  readonly exposedHeaders: readonly string[]
  /** Whether a page may send cookies. */
  readonly credentials: boolean
  /**
   * Time for which a browser may cache the reply to a preflight; 0 sends no header, a negative value forbids
   * caching.
   */
  readonly maxAgeSeconds: number
}

export interface CorsRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

type Headers = Reply['headers']

export interface CorsPolicy {
  /** The reply to a preflight; `undefined` for any other request. */
  preflight(request: CorsRequest): Reply | undefined
  /** Headers to add to the reply to any other request. */
  headers(request: CorsRequest): Headers
}

const VARY = 'origin, access-control-request-method, access-control-request-headers'

/** The policy of these options. It compares origins and header names without regard to case. */
export function createCorsPolicy(options: CorsOptions): CorsPolicy {
  const anyOrigin = options.origins.includes('*')
  const origins = options.origins.map(origin => compileOriginPattern(origin.toLowerCase()))
  const anyHeader = options.headers.includes('*')
  const headers = new Set(options.headers.map(name => name.toLowerCase()))
  const exposed = options.exposedHeaders.join(', ')
  const isAllowedOrigin = (origin: string) =>
    anyOrigin || origins.some(matches => matches(origin.toLowerCase()))
  // OPTIONS has no effect of its own, and a browser sends a preflight before it sends another method.
  const isAllowedMethod = (method: string) => method === 'OPTIONS' || options.methods.includes(method)
  const areAllowedHeaders = (names: string) =>
    anyHeader || names.split(',').every(name => name.trim() === '' || headers.has(name.trim().toLowerCase()))

  function allowOriginHeaders(origin: string): Headers {
    return [
      ['access-control-allow-origin', anyOrigin ? '*' : origin],
      ...(options.credentials ? ([['access-control-allow-credentials', 'true']] as const) : []),
    ]
  }

  function preflight({ method, headers: requestHeaders }: CorsRequest): Reply | undefined {
    const requestedMethod = requestHeaders['access-control-request-method']
    if (method !== 'OPTIONS' || requestedMethod === undefined || requestedMethod === '') return undefined
    const { origin = '' } = requestHeaders
    const names = requestHeaders['access-control-request-headers'] ?? ''
    const isGranted =
      origin !== '' && isAllowedOrigin(origin) && isAllowedMethod(requestedMethod) && areAllowedHeaders(names)
    const allowed: Headers = isGranted
      ? [
          ...allowOriginHeaders(origin),
          ['access-control-allow-methods', requestedMethod],
          ...(names === '' ? [] : ([['access-control-allow-headers', names]] as const)),
          ...(options.maxAgeSeconds === 0
            ? []
            : ([['access-control-max-age', String(Math.max(0, options.maxAgeSeconds))]] as const)),
        ]
      : []
    return { status: 204, headers: [['vary', VARY], ...allowed], body: '' }
  }

  return {
    preflight,
    headers({ method, headers: { origin = '' } }) {
      if (origin === '' || !isAllowedOrigin(origin) || !isAllowedMethod(method)) return [['vary', 'origin']]
      const expose: Headers = exposed === '' ? [] : [['access-control-expose-headers', exposed]]
      return [['vary', 'origin'], ...allowOriginHeaders(origin), ...expose]
    },
  }
}

function compileOriginPattern(pattern: string): (origin: string) => boolean {
  const at = pattern.indexOf('*')
  if (at < 0) return origin => origin === pattern
  const [head, tail] = [pattern.slice(0, at), pattern.slice(at + 1)]
  return origin =>
    origin.length >= head.length + tail.length && origin.startsWith(head) && origin.endsWith(tail)
}
