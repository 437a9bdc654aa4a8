/** handlers/parts/login_rounds — how often a browser was sent away from a page and came back: a cookie of a minute that ends redirect loops (kratos 6.4). Knows no session. */
import { andThen } from '../../access/awaitable.ts'
import type { Authenticate } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { Header } from '../../access/session.ts'

const COOKIE_NAME = 'credence_login_rounds'
/** Rounds that a person may need by accident (a second tab, the back button); a loop takes them in a moment. */
const MAX_REDIRECTS = 2
/** Seconds. A loop turns several times in one of them; nobody logs in thrice in a minute. */
const COOKIE_MAX_AGE_SECONDS = 60
/** Octets; browsers ignore longer attributes (RFC 6265bis §5.6). */
const MAX_COOKIE_PATH_BYTES = 1_024

/**
 * Whoever sends another value harms only himself: he gets a page with a link instead of a redirect. Of several cookies
 * the first is the one of the longest path (RFC 6265 §5.4), which is this page's own.
 */
function redirectCount(request: RequestView): number {
  const value = request.cookie(COOKIE_NAME) ?? ''
  return /^[1-9]$/.test(value) ? Number(value) : 0
}

/** A header that counts this round; `undefined` when there were enough of them. */
export function countRedirect(request: RequestView): Header | undefined {
  const redirects = redirectCount(request)
  return redirects >= MAX_REDIRECTS
    ? undefined
    : setCountCookie(request, `${redirects + 1}`, COOKIE_MAX_AGE_SECONDS)
}

/** After a page that says why, the next try is a first one. */
export const resetRedirectCount = (request: RequestView): Header => setCountCookie(request, '0', 0)

/** Whoever is recognised has come back well: what sends him away next, be it his own logout, is no loop. */
export function withRedirectCountReset(authenticate: Authenticate): Authenticate {
  return request =>
    andThen(authenticate(request), outcome =>
      outcome.kind === 'identity' && redirectCount(request) > 0
        ? { ...outcome, responseHeaders: [...outcome.responseHeaders, resetRedirectCount(request)] }
        : outcome,
    )
}

function setCountCookie(request: RequestView, value: string, maxAge: number): Header {
  const secure = request.scheme === 'https' ? '; Secure' : ''
  const attributes = `Path=${cookiePath(request.rawPath)}; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`
  return { name: 'set-cookie', value: `${COOKIE_NAME}=${value}; ${attributes}` }
}

/** The page's own path, so that other pages count for themselves; a semicolon would end the attribute, so its folder then. */
function cookiePath(rawPath: string): string {
  const semicolon = rawPath.indexOf(';')
  const path = semicolon < 0 ? rawPath : rawPath.slice(0, rawPath.lastIndexOf('/', semicolon) + 1)
  return path.length > MAX_COOKIE_PATH_BYTES || !/^\/[\x21-\x7e]*$/.test(path) ? '/' : path
}
