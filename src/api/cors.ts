/** api/cors — which pages of other origins may read the api (Fetch §3.2), as `serve.api.cors` says. Knows headers, no route. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Reply } from './reply.ts'

export interface CorsOptions {
  /** `*` for every origin; otherwise whole origins, in which one `*` stands for anything. None: no page of another origin. */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  /** `*` for every header. */
  readonly headers: readonly string[]
  readonly exposed: readonly string[]
  readonly credentials: boolean
  /** Seconds for which a browser may remember the answer; 0 leaves it to the browser, less forbids it. */
  readonly maxAge: number
}

export interface Asked {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

type Headers = Reply['headers']

export interface Cors {
  /** The answer to a preflight, whatever it asks for; `undefined` for any other request (spec 8.3). */
  preflight(asked: Asked): Reply | undefined
  /** What is added to an answer. */
  headers(asked: Asked): Headers
}

const VARY = 'origin, access-control-request-method, access-control-request-headers'

export function compileCors(options: CorsOptions): Cors {
  const anyOrigin = options.origins.includes('*')
  const origins = options.origins.map(origin => wildcard(origin.toLowerCase()))
  const anyHeader = options.headers.includes('*')
  const headers = new Set(options.headers.map(name => name.toLowerCase()))
  const exposed = options.exposed.join(', ')
  const isOrigin = (origin: string) => anyOrigin || origins.some(matches => matches(origin.toLowerCase()))
  // A browser asks before it sends anything else, and OPTIONS itself does nothing.
  const isMethod = (method: string) => method === 'OPTIONS' || options.methods.includes(method)
  const areHeaders = (names: string) =>
    anyHeader || names.split(',').every(name => name.trim() === '' || headers.has(name.trim().toLowerCase()))

  /** To whoever may read the answer. */
  function reader(origin: string): Headers {
    return [
      ['access-control-allow-origin', anyOrigin ? '*' : origin],
      ...(options.credentials ? ([['access-control-allow-credentials', 'true']] as const) : []),
    ]
  }

  function preflight({ method, headers: sent }: Asked): Reply | undefined {
    const wanted = sent['access-control-request-method']
    if (method !== 'OPTIONS' || wanted === undefined || wanted === '') return undefined
    const { origin = '' } = sent
    const names = sent['access-control-request-headers'] ?? ''
    const granted = origin !== '' && isOrigin(origin) && isMethod(wanted) && areHeaders(names)
    const allowed: Headers = granted
      ? [
          ...reader(origin),
          ['access-control-allow-methods', wanted],
          ...(names === '' ? [] : ([['access-control-allow-headers', names]] as const)),
          ...(options.maxAge === 0
            ? []
            : ([['access-control-max-age', String(Math.max(0, options.maxAge))]] as const)),
        ]
      : []
    return { status: 204, headers: [['vary', VARY], ...allowed], body: '' }
  }

  return {
    preflight,
    headers({ method, headers: { origin = '' } }) {
      if (origin === '' || !isOrigin(origin) || !isMethod(method)) return [['vary', 'origin']]
      const expose: Headers = exposed === '' ? [] : [['access-control-expose-headers', exposed]]
      return [['vary', 'origin'], ...reader(origin), ...expose]
    },
  }
}

function wildcard(pattern: string): (origin: string) => boolean {
  const at = pattern.indexOf('*')
  if (at < 0) return origin => origin === pattern
  const [head, tail] = [pattern.slice(0, at), pattern.slice(at + 1)]
  return origin =>
    origin.length >= head.length + tail.length && origin.startsWith(head) && origin.endsWith(tail)
}
