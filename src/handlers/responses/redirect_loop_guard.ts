/**
 * Counts the redirects of a page in a short-lived cookie, so that a redirect loop between page and login
 * ends.
 */
import { andThen } from '../../access/awaitable.ts'
import type { Authenticate } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { Header } from '../../access/session.ts'

const COOKIE_NAME = 'credence_login_rounds'
/** A user may cause this many without a loop, for example with a second tab or the back button. */
const MAX_REDIRECTS = 2
/** A loop repeats several times a second. A user does not log in three times in a minute. */
const COOKIE_MAX_AGE_SECONDS = 60
/** Browsers ignore longer attributes (RFC 6265bis §5.6). */
const MAX_COOKIE_PATH_BYTES = 1_024

/**
 * The value needs no protection: a client that forges it only receives the explanation page instead of a
 * redirect. Of several cookies the first has the longest path (RFC 6265 §5.4), which is the path of this
 * page.
 */
function redirectCount(request: RequestView): number {
  const value = request.cookie(COOKIE_NAME) ?? ''
  return /^[1-9]$/.test(value) ? Number(value) : 0
}

/** The header that counts this redirect. `undefined`: the page has reached the maximum. */
export function countRedirect(request: RequestView): Header | undefined {
  const redirects = redirectCount(request)
  return redirects >= MAX_REDIRECTS
    ? undefined
    : setCountCookie(request, `${redirects + 1}`, COOKIE_MAX_AGE_SECONDS)
}

/** The header that restarts the count, for use with the explanation page. */
export const resetRedirectCount = (request: RequestView): Header => setCountCookie(request, '0', 0)

/**
 * Resets the count after a successful authentication, so that a later redirect, for example after a logout,
 * does not count as a loop.
 */
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

/**
 * The path of the page, so that each page has its own count. A path with a semicolon, which would end the
 * attribute, is cut to its folder.
 */
function cookiePath(rawPath: string): string {
  const semicolon = rawPath.indexOf(';')
  const path = semicolon < 0 ? rawPath : rawPath.slice(0, rawPath.lastIndexOf('/', semicolon) + 1)
  return path.length > MAX_COOKIE_PATH_BYTES || !/^\/[\x21-\x7e]*$/.test(path) ? '/' : path
}
