/** handlers/parts/check_session — asks a session endpoint that is not Kratos, forwarding as Oathkeeper does (spec 4.4). Knows no cache. */
import { type Denial, rateLimited, unauthorized, unavailable } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Identity, Json } from '../../access/session.ts'
import type { HeaderPair } from '../../clients/http.ts'
import { millis } from '../../lib/duration.ts'
import { rateLimitHeaders } from '../../lib/rate_limit.ts'
import { escapedPath } from '../../lib/template_url.ts'
import type { CompileContext } from '../handler.ts'
import type { Services } from '../services.ts'
import { lintForwarding, type SessionKeys } from './session_keys.ts'
import { compileSubject } from './session_subject.ts'

export type CheckSession = (request: RequestView) => Promise<Identity | Denial>

/** Oathkeeper waits for ever. */
const TIMEOUT = millis(10_000)

/** `always` is the header that is copied whether listed or not; `subjectFrom` the default path. */
export function compileCheckSession(
  keys: SessionKeys,
  url: URL,
  defaults: { readonly always: 'cookie' | 'authorization'; readonly subjectFrom: string },
  services: Services,
  context: CompileContext,
): CheckSession {
  lintForwarding(keys, url, context)
  const target = compileTarget(keys, url)
  const headers = compileForwarded(keys, defaults.always)
  const method = keys.force_method ?? ''
  const read = compileSubject({
    subjectFrom: keys.subject_from ?? defaults.subjectFrom,
    extraFrom: keys.extra_from ?? 'extra',
    required: keys.require_subject ?? false,
  })
  return async request => {
    const asked = method === '' ? request.method : method
    const answer = await services.send({
      method: asked,
      url: target(request),
      headers: headers(request),
      timeout: TIMEOUT,
      deadline: request.deadline,
      retries: asked === 'GET' || asked === 'HEAD' ? 1 : 0,
      target: 'check_session',
    })
    // not having found out is no answer about the credential.
    if (answer.kind === 'failed') return unavailable(answer.message)
    if (answer.status === 429) return rateLimited({ headers: rateLimitHeaders(answer.headers) })
    // Redirects among them: one to a login page would let everybody in.
    if (answer.status !== 200) return unauthorized('credential_rejected', { reason: 'no valid session' })
    return read(parse(answer.body))
  }
}

/** `undefined` for what is no JSON: an empty subject, as Oathkeeper has it. */
function parse(body: string): Json | undefined {
  try {
    return JSON.parse(body) as Json
  } catch {
    return undefined
  }
}

function compileTarget(keys: SessionKeys, url: URL): (request: RequestView) => string {
  const keepPath = keys.preserve_path === true
  const keepQuery = keys.preserve_query !== false
  if (keepPath && keepQuery) return () => url.href
  const user = url.username === '' ? '' : `${url.username}:${url.password}@`
  const origin = `${url.protocol}//${user}${url.host}`
  return ({ path, query }) => {
    const pathname = keepPath ? url.pathname : escapedPath({ scheme: '', host: '', path, rawQuery: '' })
    if (keepQuery) return origin + pathname + url.search
    return origin + pathname + (query === '' ? '' : `?${query}`)
  }
}

/** Listed headers with all their values, then the static ones in their place, then the host. `Host` itself is never set. */
function compileForwarded(keys: SessionKeys, always: string): (request: RequestView) => HeaderPair[] {
  const withHost = keys.preserve_host === true
  const ours = new Set(withHost ? ['host', 'x-forwarded-host'] : ['host'])
  const fixed = Object.entries(keys.additional_headers ?? {})
    .map(([name, value]): HeaderPair => [name.toLowerCase(), value])
    .filter(([name]) => !ours.has(name))
  for (const [name] of fixed) ours.add(name)
  const listed = new Set([...(keys.forward_http_headers ?? []).map(name => name.toLowerCase()), always])
  const copied = [...listed].filter(name => !ours.has(name))
  return request => {
    const pairs: HeaderPair[] = []
    for (const name of copied) for (const value of request.headerValues(name)) pairs.push([name, value])
    pairs.push(...fixed)
    if (withHost) pairs.push(['x-forwarded-host', request.authority])
    return pairs
  }
}
