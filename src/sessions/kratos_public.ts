/** sessions/kratos_public — which requests to Kratos' own public API end or change sessions, and whose. Pure; knows no memory and no rule. */
import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'

/** A request after which what is remembered may be wrong. */
export interface SessionChange {
  /** Whose: the session of the credentials, the identity's others, all of the identity's, or the one that is named. */
  readonly scope: 'session' | 'others' | 'identity' | { readonly sessionId: string }
  /** All that the request shows. */
  readonly credentials: readonly Credential[]
}

export interface KratosPublicApi {
  /** Where Kratos' public API is reached, as clients see it; the scheme does not matter. */
  readonly urls: readonly string[]
  /** Names of session cookies. */
  readonly cookieNames: readonly string[]
}

/** Paths below the URL, lower case as Kratos' router has them, and what they may end (kratos 3.1). */
const SESSION_CHANGING_FLOWS: ReadonlySet<string> = new Set(
  ['login', 'settings', 'recovery'].map(flow => `/self-service/${flow}`),
)
/** A flow with another provider ends here; which flow it was, the request does not say. */
const OIDC_CALLBACK_PATH = '/self-service/methods/oidc/callback'
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Credentials of one request that are looked at; more are no browser's. */
const MAX_CREDENTIALS = 4
/** Bytes of a body; a session token is 39. */
const MAX_BODY_BYTES = 64 * 1024

/** `undefined` for every other request. */
export function createSessionChangeReader({
  urls,
  cookieNames,
}: KratosPublicApi): (request: RequestView) => SessionChange | undefined {
  const prefixes = new Map<string, string[]>()
  for (const text of urls) {
    const { host, pathname } = new URL(text)
    prefixes.set(host, [...(prefixes.get(host) ?? []), pathname.replace(/\/+$/, '')])
  }
  return request => {
    const { host, path, method } = request
    // One that is the beginning of another must not hide it.
    const matchingPrefixes = (prefixes.get(host) ?? []).filter(
      one => path.startsWith(one) && (path[one.length] ?? '/') === '/',
    )
    const [scope] = matchingPrefixes.flatMap(
      one => changeScope(method.toUpperCase(), path.slice(one.length)) ?? [],
    )
    if (scope === undefined) return undefined
    const credentials = readCredentials(request, cookieNames)
    return credentials.length === 0 ? undefined : { scope, credentials }
  }
}

function changeScope(method: string, path: string): SessionChange['scope'] | undefined {
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
      return SESSION_CHANGING_FLOWS.has(path) ||
        path === OIDC_CALLBACK_PATH ||
        path.startsWith(`${OIDC_CALLBACK_PATH}/`)
        ? 'identity'
        : undefined
    default:
      return undefined
  }
}

/** Kratos decides which of them counts; we forget all. */
function readCredentials(request: RequestView, cookies: readonly string[]): readonly Credential[] {
  const token = (value: string | undefined): Credential[] =>
    value === undefined || value === '' ? [] : [{ kind: 'token', name: '', value }]
  const all = [
    ...cookies.flatMap(name =>
      request.cookieValues(name).map((value): Credential => ({ kind: 'cookie', name, value })),
    ),
    ...token(request.header('x-session-token')),
    ...token(/^Bearer +(\S+)$/i.exec(request.header('authorization') ?? '')?.[1]),
    ...token(readBodyToken(request.body)),
  ]
  return all.filter(({ value }) => value !== '').slice(0, MAX_CREDENTIALS)
}

/** The native logout names its session in the body, which Envoy sends along where it is told to. */
function readBodyToken(body: Uint8Array | undefined): string | undefined {
  if (body === undefined || body.length === 0 || body.length > MAX_BODY_BYTES) return undefined
  try {
    const { session_token: token } = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>
    return typeof token === 'string' ? token : undefined
  } catch {
    return undefined
  }
}
