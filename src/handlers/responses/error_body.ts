/** Renders a denial as Oathkeeper's JSON error body. */
import type { Denial } from '../../access/denial.ts'
import type { DenialResponse } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { Header } from '../../access/session.ts'
import { statusText } from '../../http/status_text.ts'

/** Messages that reveal nothing of other services. Other statuses use their standard text. */
const PUBLIC_MESSAGES: ReadonlyMap<number, string> = new Map([
  [400, 'The request was malformed or contained invalid parameters'],
  [401, 'The request could not be authorized'],
  [403, 'The requested action was forbidden'],
  [404, 'The requested resource could not be found'],
  [429, 'Too many requests'],
  [500, 'An internal server error occurred, please contact the system administrator'],
  [503, 'The service is unavailable'],
  [504, 'The service did not answer in time'],
])

/** `verbose` includes the message and the reason of the denial, which contain no credentials. */
export function jsonErrorResponse(denial: Denial, request: RequestView, verbose: boolean): DenialResponse {
  const { status } = denial
  const text = statusText(status)
  const error = {
    code: status,
    status: text,
    ...(request.requestId === '' ? {} : { request: request.requestId }),
    ...(verbose && denial.reason !== '' ? { reason: denial.reason } : {}),
    message: verbose ? denial.message : (PUBLIC_MESSAGES.get(status) ?? text),
  }
  return {
    status,
    headers: [CONTENT_TYPE, ...NO_STORE_HEADERS, ...challengeHeaders(denial)],
    body: JSON.stringify({ error }),
  }
}

const CONTENT_TYPE: Header = { name: 'content-type', value: 'application/json' }

/** Prevent caches from storing a denial and browsers from guessing its type. */
export const NO_STORE_HEADERS: readonly Header[] = [
  { name: 'cache-control', value: 'no-store' },
  { name: 'x-content-type-options', value: 'nosniff' },
]

/** The `WWW-Authenticate` header of a denial that has a challenge (RFC 6750, RFC 9470). */
export const challengeHeaders = ({ hints }: Denial): readonly Header[] =>
  hints?.wwwAuthenticate === undefined ? [] : [{ name: 'www-authenticate', value: hints.wwwAuthenticate }]
