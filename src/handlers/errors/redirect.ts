/**
 * Redirects browsers, usually to a login page. The URL to return to is that of the request, never one from a
 * forwarded header (Q-38).
 */
import { z } from 'zod'
import type { Denial } from '../../access/denial.ts'
import type { DenialResponse } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { Header } from '../../access/session.ts'
import { cleanPath } from '../../http/request_target.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { compileHostMatcher } from '../compile/host_list.ts'
import { publicString } from '../compile/public_config.ts'
import { urlReferenceSchema } from '../compile/urls.ts'
import { defineErrorHandler } from '../handler.ts'
import { escapeHtml } from '../pages/escape_html.ts'
import { acceptsHtml } from '../responses/accepts_html.ts'
import { jsonErrorResponse, NO_STORE_HEADERS } from '../responses/error_body.ts'
import { countRedirect, resetRedirectCount } from '../responses/redirect_loop_guard.ts'
import { whenSchema } from '../responses/when.ts'

const STATUS_TEXTS: Readonly<Record<number, string>> = { 301: 'Moved Permanently', 302: 'Found' }
/** A longer URL is omitted, because servers and browsers reject such redirects. */
const MAX_RETURN_TO_CHARS = 8_192

export const redirect = defineErrorHandler({
  id: 'redirect',
  summary:
    'redirects the browser; after two redirects of a page within a minute it responds with an explanation',
  config: z.strictObject({
    to: urlReferenceSchema.describe('Target: an absolute URL or a path.'),
    code: z
      .union([z.literal(301), z.literal(302)])
      .optional()
      .describe('Status: 301 or 302. Default: 302.'),
    return_to_query_param: publicString()
      .regex(/^[A-Za-z0-9,._~-]*$/)
      .optional()
      .describe(
        'Query parameter of the target that carries the URL of the request. Default: none; for the login flow of Kratos, `return_to`.',
      ),
    return_to_hosts: z
      .array(publicString())
      .optional()
      .describe(
        'Hosts to which a browser may return; `*.example.com` matches all subdomains. Requests to other hosts are redirected without the parameter. Default: every host.',
      ),
    when: whenSchema,
  }),
  example: { to: 'https://auth.example.com/login', return_to_query_param: 'return_to' },
  compile(
    { to: written, code, return_to_query_param: parameter, return_to_hosts: hosts, when },
    _services,
    context,
  ) {
    if (/[\0-\x1f\x7f]/.test(written))
      throw new HandlerConfigError(['to'], 'must be a URL without control characters')
    const to = written.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent)
    if (code === 301) context.warn(['code'], 'browsers cache a 301 permanently', 'use 302')
    const status = code ?? 302
    const mayReturn = hosts === undefined ? () => true : compileHostMatcher(hosts, ['return_to_hosts'])
    const errorNames = new Set(when?.flatMap(entry => entry.error ?? []))
    const explain = (denial: Denial, request: RequestView, login?: string): DenialResponse =>
      acceptsHtml(request)
        ? context.pages.render(denial, request, login)
        : jsonErrorResponse(denial, request, false)
    /**
     * Another redirect would continue the loop. The explanation also resets the counter, so that the user can try
     * again.
     */
    const stopRedirectLoop = (denial: Denial, request: RequestView, login: string): DenialResponse => {
      const { status, headers, body } = explain(denial, request, login)
      return { status, headers: [...headers, resetRedirectCount(request)], body }
    }
    return (denial, request) => {
      const outage = OUTAGE_STATUSES.get(denial.status)
      if (outage !== undefined && !errorNames.has(outage)) return explain(denial, request)
      const { loginUrl, loginQuery: login = {}, enrollmentRequired: enrol } = denial.hints ?? {}
      const returnParameter = parameter || (loginUrl === undefined ? undefined : 'return_to')
      const target =
        loginUrl ??
        (returnParameter
          ? withQueryParameters(resolveLocation(to, request), login)
          : resolveLocation(to, request))
      const returns = returnParameter && mayReturn(request)
      const location = returns ? withReturnTo(target, returnParameter, request) : target
      if (enrol === true) return explain(denial, request, location)
      if (isCurrentUrl(target, request)) return stopRedirectLoop(denial, request, location)
      if (!returns) return { status, ...redirectPage(status, location, request.method) }
      const counter = countRedirect(request)
      if (counter === undefined) return stopRedirectLoop(denial, request, location)
      const { headers, body } = redirectPage(status, location, request.method)
      return { status, headers: [...headers, counter], body }
    }
  },
})

/**
 * Errors by which an outage shows. They cause no redirect unless `when` names them, because all users would
 * reach the login at once.
 */
const OUTAGE_STATUSES: ReadonlyMap<number, string> = new Map([
  [503, 'service_unavailable'],
  [504, 'gateway_timeout'],
])

/**
 * Whether the target is the current page: the same URL, whose query contains all parameters of the target,
 * requested with GET.
 */
function isCurrentUrl(target: string, { method, scheme, authority, rawPath, query }: RequestView): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  const targetUrl = URL.parse(target, `${scheme}://${authority}`)
  const currentUrl = URL.parse(`${scheme}://${authority}${rawPath}`)
  if (
    targetUrl === null ||
    currentUrl === null ||
    targetUrl.origin !== currentUrl.origin ||
    targetUrl.pathname !== currentUrl.pathname
  )
    return false
  const currentQuery = new URLSearchParams(query)
  return [...targetUrl.searchParams].every(([name, value]) => currentQuery.getAll(name).includes(value))
}

/**
 * Resolves a path like Go's `http.Redirect`: relative to the directory of the request, and cleaned except for
 * a trailing slash. A path must not begin with `//`, or with what browsers treat as such, because that would
 * name another host.
 */
function resolveLocation(to: string, request: RequestView): string {
  if (to.startsWith('//') || /^[a-z][a-z0-9+.-]*:/i.test(to)) return to
  const directory = to.startsWith('/') ? '' : request.rawPath.slice(0, request.rawPath.lastIndexOf('/') + 1)
  const [path = '', rest = ''] = to.split(/(?=[?#])(.*)/s)
  const joined = `/${directory}${path}`.replace(/[\0-\x20\x7f]/g, '')
  const clean = cleanPath(joined).replace(/^[/\\]+/, '/')
  return `${clean}${joined.endsWith('/') && clean !== '/' ? '/' : ''}${rest}`
}

/** Adds the URL of the request to `to`, unless it is longer than `MAX_RETURN_TO_CHARS`. */
function withReturnTo(to: string, parameter: string, request: RequestView): string {
  const { scheme, authority, rawPath, query } = request
  const returnTo = `${scheme}://${authority}${rawPath}${query === '' ? '' : `?${query}`}`
  return returnTo.length > MAX_RETURN_TO_CHARS ? to : withQueryParameters(to, { [parameter]: returnTo })
}

/** Adds parameters to the query of `to`. The whole query is sorted and encoded like Go's `url.Values`. */
function withQueryParameters(to: string, more: Readonly<Record<string, string>>): string {
  if (Object.keys(more).length === 0) return to
  const [beforeFragment = '', fragment] = to.split(/#(.*)/s)
  const [base = '', query = ''] = beforeFragment.split(/\?(.*)/s)
  const parameters = new URLSearchParams(query)
  for (const [name, value] of Object.entries(more)) parameters.set(name, value)
  parameters.sort()
  // Go escapes an asterisk and not a tilde; URLSearchParams does the opposite.
  const encoded = parameters.toString().replaceAll('*', '%2A').replaceAll('%7E', '~')
  return `${base}?${encoded}${fragment === undefined ? '' : `#${fragment}`}`
}

/** Like Go's `http.Redirect`: a page for GET, only its content type for HEAD, no body for other methods. */
function redirectPage(
  status: number,
  location: string,
  method: string,
): { headers: readonly Header[]; body: string } {
  const headers: Header[] = [{ name: 'location', value: location }, ...NO_STORE_HEADERS]
  if (method !== 'GET' && method !== 'HEAD') return { headers, body: '' }
  headers.push({ name: 'content-type', value: 'text/html; charset=utf-8' })
  const body = method === 'GET' ? `<a href="${escapeHtml(location)}">${STATUS_TEXTS[status]}</a>.\n\n` : ''
  return { headers, body }
}
