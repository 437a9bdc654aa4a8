/** Requests access tokens with client credentials (RFC 6749 §4.4). */

import { queryEscape } from '../../golang/index.ts'
import { millis } from '../../lib/time.ts'
import type { HeaderPair, HttpFailure, HttpResponse, OutgoingRequest, Send } from '../http/message.ts'
import { type AccessToken, parseTokenResponse } from './responses.ts'

/** The credentials of an OAuth 2.0 client, and the token to request. */
export interface ClientCredentials {
  readonly tokenUrl: string
  readonly id: string
  readonly secret: string
  readonly scopes: readonly string[]
  /** Sent as `audience` unless empty. */
  readonly audience: string
}

/** Source of a result. `negative`: a cached rejection. `off`: the call bypassed the cache. */
export type CacheOutcome = 'hit' | 'miss' | 'joined' | 'negative' | 'off'

/** A response with an unsuccessful status or with a member `error`. */
export interface ErrorResponse {
  readonly kind: 'refused'
  readonly status: number
  readonly headers: readonly HeaderPair[]
}
/** A successful response with an unexpected body. */
export interface MalformedResponse {
  readonly kind: 'malformed'
}

/** The outcome of a token request. */
export type TokenResult =
  | { readonly kind: 'token'; readonly token: AccessToken; readonly cache: CacheOutcome }
  | ErrorResponse
  | MalformedResponse
  | HttpFailure

export const MALFORMED_RESPONSE: MalformedResponse = Object.freeze({ kind: 'malformed' })

/** Limit for one call. Oathkeeper has none, and its `retry` keys have no effect. */
const CALL_TIMEOUT_MS = millis(10_000)

/** Posts a form, with one retry after a connection error. Never rejects. */
export const postForm = (
  send: Send,
  url: string,
  headers: readonly HeaderPair[],
  body: string,
  target: string,
  limits: Pick<OutgoingRequest, 'deadline' | 'caller'> = {},
): Promise<HttpResponse | HttpFailure> =>
  send({
    method: 'POST',
    url,
    headers: [...headers, ['content-type', 'application/x-www-form-urlencoded']],
    body,
    timeout: CALL_TIMEOUT_MS,
    retries: 1,
    target,
    ...limits,
  })

/**
 * Encodes a form in the given order with Go's query escaping. Pairs with the value `undefined` are omitted.
 */
export const encodeForm = (pairs: readonly (readonly [name: string, value: string | undefined])[]): string =>
  pairs.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${queryEscape(value)}`)).join('&')

/** Calls of token endpoints. They never reject. */
export interface TokenEndpoint {
  fetchToken(
    client: ClientCredentials,
    credentials: 'header' | 'body',
    limits?: Pick<OutgoingRequest, 'deadline' | 'caller'>,
  ): Promise<TokenResult>
  /**
   * Sends the credentials with HTTP Basic, then in the body if the server rejects that. Later calls start
   * with the method that worked.
   */
  fetchTokenByEitherMethod(client: ClientCredentials): Promise<TokenResult>
}

/** Returns a caller of token endpoints that keeps, for each URL, which method of authentication works. */
export function createTokenEndpoint(send: Send): TokenEndpoint {
  /** URLs of token endpoints that accept credentials in the body only. */
  const bodyOnlyEndpoints = new Set<string>()

  async function fetchToken(
    client: ClientCredentials,
    credentials: 'header' | 'body',
    limits?: Pick<OutgoingRequest, 'deadline' | 'caller'>,
  ): Promise<TokenResult> {
    const { tokenUrl, id, secret: password, scopes, audience } = client
    const basic = Buffer.from(`${queryEscape(id)}:${queryEscape(password)}`).toString('base64')
    const outcome = await postForm(
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
      limits,
    )
    if (outcome.kind === 'failed') return outcome
    const isSuccess = outcome.status >= 200 && outcome.status <= 299
    const token = isSuccess ? parseTokenResponse(outcome) : 'error'
    if (token === 'error') return { kind: 'refused', status: outcome.status, headers: outcome.headers }
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
