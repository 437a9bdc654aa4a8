/** handlers/errors/redirect — sends the browser elsewhere, usually to a login page. Builds `return_to` from what Envoy saw, never from a forwarded header (Q-38). */
import { z } from 'zod'
import type { Denial } from '../../access/denial.ts'
import type { DenialResponse } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { Header } from '../../access/session.ts'
import { cleanPath } from '../../http/request_target.ts'
import { compileHostMatcher } from '../compile/host_list.ts'
import { urlReferenceSchema } from '../compile/urls.ts'
import { defineErrorHandler, HandlerConfigError } from '../handler.ts'
import { NO_STORE_HEADERS } from '../responses/error_body.ts'
import { countRedirect, resetRedirectCount } from '../responses/redirect_loop_guard.ts'
import { escapeHtml, explanationPage } from '../responses/redirect_loop_page.ts'
import { whenSchema } from '../responses/when.ts'

const STATUS_TEXTS: Readonly<Record<number, string>> = { 301: 'Moved Permanently', 302: 'Found' }
/** Characters; a longer address is not worth coming back to (D8). */
const MAX_RETURN_TO_CHARS = 8_192

export const redirect = defineErrorHandler({
  id: 'redirect',
  summary:
    'answers with a redirect to a fixed address, which may carry the way back; never a third time in a minute',
  config: z.strictObject({
    to: urlReferenceSchema.describe('where to: an absolute URL, or a path'),
    code: z
      .union([z.literal(301), z.literal(302)])
      .optional()
      .describe('301 or 302; default 302'),
    return_to_query_param: z
      .string()
      .regex(/^[A-Za-z0-9,._~-]*$/)
      .optional()
      .describe('query parameter of `to` that carries the address of the request'),
    return_to_hosts: z
      .array(z.string())
      .optional()
      .describe(
        'hosts that the way back may lead to, `*.example.com` for all below one; a request for another host is sent to the login without it; default: every host',
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
    if (code === 301) context.warn(['code'], 'browsers keep a 301 for ever', 'use 302')
    const status = code ?? 302
    const mayReturn = hosts === undefined ? () => true : compileHostMatcher(hosts, ['return_to_hosts'])
    const named = new Set(when?.flatMap(one => one.error ?? []))
    return (denial, request) => {
      const outage = OUTAGE_STATUSES.get(denial.status)
      if (outage !== undefined && !named.has(outage)) return explanationPage(denial, request)
      const { loginUrl, login = {}, enrol } = denial.hints ?? {}
      const roundTrip = parameter || (loginUrl === undefined ? undefined : 'return_to')
      const target =
        loginUrl ??
        (roundTrip ? withQueryParameters(resolveLocation(to, request), login) : resolveLocation(to, request))
      const comesBack = roundTrip && mayReturn(request)
      const location = comesBack ? withReturnTo(target, roundTrip, request) : target
      if (enrol === true) return explanationPage(denial, request, location)
      if (isCurrentUrl(target, request)) return stopRedirectLoop(denial, request, location)
      if (!comesBack) return { status, ...redirectPage(status, location, request.method) }
      const round = countRedirect(request)
      if (round === undefined) return stopRedirectLoop(denial, request, location)
      const { headers, body } = redirectPage(status, location, request.method)
      return { status, headers: [...headers, round], body }
    }
  },
})

/** What could not be found out sends nobody to the login, where all would meet at once (G7), unless `when` names it. */
const OUTAGE_STATUSES: ReadonlyMap<number, string> = new Map([
  [503, 'service_unavailable'],
  [504, 'gateway_timeout'],
])

/** Sent back here once more, the browser would come back again (D9, kratos 6.4). */
function stopRedirectLoop(denial: Denial, request: RequestView, login: string): DenialResponse {
  const { status, headers, body } = explanationPage(denial, request, login)
  return { status, headers: [...headers, resetRedirectCount(request)], body }
}

/** Whoever follows would only come back: the same address with at least the same query, asked for with GET (D9). */
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
 * A path without a leading slash starts where the request was, and every path is cleaned but for its last slash (Go's
 * http.Redirect). Two slashes in front, or what browsers take for two, would name another host (D8).
 */
function resolveLocation(to: string, request: RequestView): string {
  if (to.startsWith('//') || /^[a-z][a-z0-9+.-]*:/i.test(to)) return to
  const directory = to.startsWith('/') ? '' : request.rawPath.slice(0, request.rawPath.lastIndexOf('/') + 1)
  const [path = '', rest = ''] = to.split(/(?=[?#])(.*)/s)
  const joined = `/${directory}${path}`.replace(/[\0-\x20\x7f]/g, '')
  const clean = cleanPath(joined).replace(/^[/\\]+/, '/')
  return `${clean}${joined.endsWith('/') && clean !== '/' ? '/' : ''}${rest}`
}

/** `to` with the way back, unless that is too long to be worth it. */
function withReturnTo(to: string, parameter: string, request: RequestView): string {
  const { scheme, authority, rawPath, query } = request
  const returnTo = `${scheme}://${authority}${rawPath}${query === '' ? '' : `?${query}`}`
  return returnTo.length > MAX_RETURN_TO_CHARS ? to : withQueryParameters(to, { [parameter]: returnTo })
}

/** The query of `to` with more parameters, all of it encoded and sorted as Go does. */
function withQueryParameters(to: string, more: Readonly<Record<string, string>>): string {
  if (Object.keys(more).length === 0) return to
  const [beforeFragment = '', fragment] = to.split(/#(.*)/s)
  const [base = '', query = ''] = beforeFragment.split(/\?(.*)/s)
  const parameters = new URLSearchParams(query)
  for (const [name, value] of Object.entries(more)) parameters.set(name, value)
  parameters.sort()
  // Go escapes a tilde not and an asterisk, URLSearchParams the other way round.
  const encoded = parameters.toString().replaceAll('*', '%2A').replaceAll('%7E', '~')
  return `${base}?${encoded}${fragment === undefined ? '' : `#${fragment}`}`
}

/** What Go's http.Redirect writes: a page for GET, only its type for HEAD, nothing for other methods. */
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
