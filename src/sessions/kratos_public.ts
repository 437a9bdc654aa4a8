/** sessions/kratos_public — which requests to Kratos' own public API end or change sessions, and whose. Pure; knows no memory and no rule. */
import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'

/** A request after which what is remembered may be wrong. */
export interface Ending {
  /** Whose: the session of the credentials, the identity's others, all of the identity's, or the one that is named. */
  readonly of: 'session' | 'others' | 'identity' | { readonly sessionId: string }
  /** All that the request shows. */
  readonly credentials: readonly Credential[]
}

export interface KratosPublic {
  /** Where Kratos' public API is reached, as clients see it; the scheme does not matter. */
  readonly urls: readonly string[]
  /** Names of session cookies. */
  readonly cookies: readonly string[]
}

/** Paths below the URL, lower case as Kratos' router has them, and what they may end (kratos 3.1). */
const FLOWS: ReadonlySet<string> = new Set(
  ['login', 'settings', 'recovery'].map(flow => `/self-service/${flow}`),
)
/** A flow with another provider ends here; which flow it was, the request does not say. */
const CALLBACK = '/self-service/methods/oidc/callback'
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Credentials of one request that are looked at; more are no browser's. */
const MOST = 4
/** Bytes of a body; a session token is 39. */
const LARGEST_BODY = 64 * 1024

/** `undefined` for every other request. */
export function compileKratosPublic({
  urls,
  cookies,
}: KratosPublic): (request: RequestView) => Ending | undefined {
  const prefixes = new Map<string, string[]>()
  for (const text of urls) {
    const { host, pathname } = new URL(text)
    prefixes.set(host, [...(prefixes.get(host) ?? []), pathname.replace(/\/+$/, '')])
  }
  return request => {
    const { host, path, method } = request
    // One that is the beginning of another must not hide it.
    const below = (prefixes.get(host) ?? []).filter(
      one => path.startsWith(one) && (path[one.length] ?? '/') === '/',
    )
    const [of] = below.flatMap(one => endingOf(method.toUpperCase(), path.slice(one.length)) ?? [])
    if (of === undefined) return undefined
    const credentials = credentialsOf(request, cookies)
    return credentials.length === 0 ? undefined : { of, credentials }
  }
}

function endingOf(method: string, path: string): Ending['of'] | undefined {
  switch (method) {
    case 'DELETE': {
      if (path === '/self-service/logout/api') return 'session'
      if (path === '/sessions') return 'others'
      const [, sessionId] = /^\/sessions\/([^/]+)$/.exec(path) ?? []
      return sessionId !== undefined && UUID.test(sessionId)
        ? { sessionId: sessionId.toLowerCase() }
        : undefined
    }
    case 'GET':
    case 'POST':
      if (method === 'GET' && path === '/self-service/logout') return 'session'
      return FLOWS.has(path) || path === CALLBACK || path.startsWith(`${CALLBACK}/`) ? 'identity' : undefined
    default:
      return undefined
  }
}

/** Kratos decides which of them counts; we forget all. */
function credentialsOf(request: RequestView, cookies: readonly string[]): readonly Credential[] {
  const token = (value: string | undefined): Credential[] =>
    value === undefined || value === '' ? [] : [{ kind: 'token', name: '', value }]
  const all = [
    ...cookies.flatMap(name =>
      request.cookieValues(name).map((value): Credential => ({ kind: 'cookie', name, value })),
    ),
    ...token(request.header('x-session-token')),
    ...token(/^Bearer +(\S+)$/i.exec(request.header('authorization') ?? '')?.[1]),
    ...token(tokenInBody(request.body)),
  ]
  return all.filter(({ value }) => value !== '').slice(0, MOST)
}

/** The native logout names its session in the body, which Envoy sends along where it is told to. */
function tokenInBody(body: Uint8Array | undefined): string | undefined {
  if (body === undefined || body.length === 0 || body.length > LARGEST_BODY) return undefined
  try {
    const { session_token: token } = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>
    return typeof token === 'string' ? token : undefined
  } catch {
    return undefined
  }
}
