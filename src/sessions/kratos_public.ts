/** Recognizes requests to the public API of Kratos that end or change sessions. */
import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'

/** A request after which cached sessions may be wrong. */
export interface SessionChange {
  /** The session of the credentials, the other sessions of its identity, all sessions of its identity, or a named session. */
  readonly scope: 'session' | 'others' | 'identity' | { readonly sessionId: string }
  /** All session credentials in the request. */
  readonly credentials: readonly Credential[]
}

export interface KratosPublicApi {
  /** URLs under which clients reach the public API of Kratos. The scheme is ignored. */
  readonly urls: readonly string[]
  /** Names of session cookies. */
  readonly cookieNames: readonly string[]
}

/** Paths below the URL that may change all sessions of an identity. Kratos' router is case-sensitive. */
const SESSION_CHANGING_FLOWS: ReadonlySet<string> = new Set(
  ['login', 'settings', 'recovery'].map(flow => `/self-service/${flow}`),
)
/** Flows through a social sign-in provider end here. The request does not say which flow it was. */
const OIDC_CALLBACK_PATH = '/self-service/methods/oidc/callback'
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Further credentials of a request are ignored: browsers do not send that many. */
const MAX_CREDENTIALS = 4
/** Larger bodies are ignored. A session token has 39 bytes. */
const MAX_BODY_BYTES = 64 * 1024

/** The returned function gives `undefined` for every other request. It throws for none. */
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
    // One configured URL may be a prefix of another, so all that match are tried. Kratos may take a path with a
    // trailing slash for the one without; to revoke too much only costs a lookup.
    const matchingPrefixes = (prefixes.get(host) ?? []).filter(
      one => path.startsWith(one) && (path[one.length] ?? '/') === '/',
    )
    const [scope] = matchingPrefixes.flatMap(
      one => changeScope(method.toUpperCase(), path.slice(one.length).replace(/\/$/, '')) ?? [],
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

/** Kratos decides which credential it uses, so all of them are revoked. */
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

/** The native logout has its token in the body, which Envoy sends if `with_request_body` is set. */
function readBodyToken(body: Uint8Array | undefined): string | undefined {
  if (body === undefined || body.length === 0 || body.length > MAX_BODY_BYTES) return undefined
  try {
    const { session_token: token } = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>
    return typeof token === 'string' ? token : undefined
  } catch {
    return undefined
  }
}
