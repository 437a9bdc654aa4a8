/** api/cors — which pages of other origins may read the api (Fetch §3.2), as `serve.api.cors` says. Knows headers, no route. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Reply } from './reply.ts'

export interface CorsOptions {
  /** `*` for every origin; otherwise whole origins, in which one `*` stands for anything. None: no page of another origin. */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  /** `*` for every header. */
  readonly headers: readonly string[]
  readonly exposedHeaders: readonly string[]
  readonly credentials: boolean
  /** Seconds for which a browser may remember the answer; 0 leaves it to the browser, less forbids it. */
  readonly maxAgeSeconds: number
}

export interface CorsRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

type Headers = Reply['headers']

export interface CorsPolicy {
  /** The answer to a preflight, whatever it asks for; `undefined` for any other request (spec 8.3). */
  preflight(asked: CorsRequest): Reply | undefined
  /** What is added to an answer. */
  headers(asked: CorsRequest): Headers
}

const VARY = 'origin, access-control-request-method, access-control-request-headers'

export function createCorsPolicy(options: CorsOptions): CorsPolicy {
  const anyOrigin = options.origins.includes('*')
  const origins = options.origins.map(origin => compileOriginPattern(origin.toLowerCase()))
  const anyHeader = options.headers.includes('*')
  const headers = new Set(options.headers.map(name => name.toLowerCase()))
  const exposed = options.exposedHeaders.join(', ')
  const isAllowedOrigin = (origin: string) =>
    anyOrigin || origins.some(matches => matches(origin.toLowerCase()))
  // A browser asks before it sends anything else, and OPTIONS itself does nothing.
  const isAllowedMethod = (method: string) => method === 'OPTIONS' || options.methods.includes(method)
  const areAllowedHeaders = (names: string) =>
    anyHeader || names.split(',').every(name => name.trim() === '' || headers.has(name.trim().toLowerCase()))

  /** To whoever may read the answer. */
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
