/** clients/oauth2_token — calls of a token endpoint with the credentials of a client (RFC 6749 §4.4). Remembers only how an endpoint wants them; interprets nothing. */

import { queryEscape } from '../../golang/index.ts'
import { millis } from '../../lib/time.ts'
import type { HeaderPair, HttpFailure, HttpResponse, Send } from '../http/message.ts'
import { type AccessToken, parseTokenResponse } from './responses.ts'

export interface ClientCredentials {
  readonly tokenUrl: string
  readonly id: string
  readonly secret: string
  readonly scopes: readonly string[]
  /** Sent as `audience` unless empty. */
  readonly audience: string
}

/** How an answer came about. */
export type CacheOutcome = 'hit' | 'miss' | 'shared' | 'off'

/** A status that is no success, or an answer that names an error. */
export interface ErrorResponse {
  readonly kind: 'refused'
  readonly status: number
  readonly headers: readonly HeaderPair[]
}
/** A success that says something else than it should. */
export interface MalformedResponse {
  readonly kind: 'malformed'
}

export type TokenResult =
  | { readonly kind: 'token'; readonly token: AccessToken; readonly cache: CacheOutcome }
  | ErrorResponse
  | MalformedResponse
  | HttpFailure

export const MALFORMED_RESPONSE: MalformedResponse = Object.freeze({ kind: 'malformed' })

/** For one call; Oathkeeper waits for ever, and its `retry` keys have no effect. */
const CALL_TIMEOUT_MS = millis(10_000)

export const postForm = (
  send: Send,
  url: string,
  headers: readonly HeaderPair[],
  body: string,
  target: string,
): Promise<HttpResponse | HttpFailure> =>
  send({
    method: 'POST',
    url,
    headers: [...headers, ['content-type', 'application/x-www-form-urlencoded']],
    body,
    timeout: CALL_TIMEOUT_MS,
    retries: 1,
    target,
  })

/** In the order given, escaped as Go does it; what is `undefined` is left out. */
export const encodeForm = (pairs: readonly (readonly [name: string, value: string | undefined])[]): string =>
  pairs.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${queryEscape(value)}`)).join('&')

export interface TokenEndpoint {
  fetchToken(client: ClientCredentials, credentials: 'header' | 'body'): Promise<TokenResult>
  /** The header first, and the body where the server does not want that; what worked is remembered. */
  fetchTokenByEitherMethod(client: ClientCredentials): Promise<TokenResult>
}

export function createTokenEndpoint(send: Send): TokenEndpoint {
  /** Token endpoints that want the credentials in the body. */
  const bodyOnlyEndpoints = new Set<string>()

  async function fetchToken(client: ClientCredentials, credentials: 'header' | 'body'): Promise<TokenResult> {
    const { tokenUrl, id, secret: password, scopes, audience } = client
    const basic = Buffer.from(`${queryEscape(id)}:${queryEscape(password)}`).toString('base64')
    const answer = await postForm(
      send,
      tokenUrl,
      credentials === 'header' ? [['authorization', `Basic ${basic}`]] : [],
      encodeForm([
        ['audience', audience === '' ? undefined : audience],
        ['client_id', credentials === 'body' ? id : undefined],
        ['client_secret', credentials === 'body' ? password : undefined],
        ['grant_type', 'client_credentials'],
        ['scope', scopes.length === 0 ? undefined : scopes.join(' ')],
      ]),
      'oauth2.token',
    )
    if (answer.kind === 'failed') return answer
    const success = answer.status >= 200 && answer.status <= 299
    const token = success ? parseTokenResponse(answer) : 'error'
    if (token === 'error') return { kind: 'refused', status: answer.status, headers: answer.headers }
    return token === undefined ? MALFORMED_RESPONSE : { kind: 'token', token, cache: 'miss' }
  }

  async function fetchTokenByEitherMethod(client: ClientCredentials): Promise<TokenResult> {
    if (bodyOnlyEndpoints.has(client.tokenUrl)) return fetchToken(client, 'body')
    const byHeader = await fetchToken(client, 'header')
    if (byHeader.kind !== 'refused') return byHeader
    const byBody = await fetchToken(client, 'body')
    if (byBody.kind === 'token') bodyOnlyEndpoints.add(client.tokenUrl)
    return byBody
  }

  return { fetchToken, fetchTokenByEitherMethod }
}
