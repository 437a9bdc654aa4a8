/** clients/oauth2_token — calls of a token endpoint with the credentials of a client (RFC 6749 §4.4). Remembers only how an endpoint wants them; interprets nothing. */

import { queryEscape } from '../../golang/index.ts'
import { millis } from '../../lib/time.ts'
import type { Answered, Failed, HeaderPair, Send } from '../http/message.ts'
import { type AccessToken, readToken } from './responses.ts'

export interface Client {
  readonly tokenUrl: string
  readonly id: string
  readonly secret: string
  readonly scopes: readonly string[]
  /** Sent as `audience` unless empty. */
  readonly audience: string
}

/** How an answer came about. */
export type Remembered = 'hit' | 'miss' | 'shared' | 'off'

/** A status that is no success, or an answer that names an error. */
export interface Refused {
  readonly kind: 'refused'
  readonly status: number
  readonly headers: readonly HeaderPair[]
}
/** A success that says something else than it should. */
export interface Malformed {
  readonly kind: 'malformed'
}

export type TokenAnswer =
  | { readonly kind: 'token'; readonly token: AccessToken; readonly cache: Remembered }
  | Refused
  | Malformed
  | Failed

export const MALFORMED: Malformed = Object.freeze({ kind: 'malformed' })

/** For one call; Oathkeeper waits for ever, and its `retry` keys have no effect. */
const TIMEOUT = millis(10_000)

export const postForm = (
  send: Send,
  url: string,
  headers: readonly HeaderPair[],
  body: string,
  target: string,
): Promise<Answered | Failed> =>
  send({
    method: 'POST',
    url,
    headers: [...headers, ['content-type', 'application/x-www-form-urlencoded']],
    body,
    timeout: TIMEOUT,
    retries: 1,
    target,
  })

/** In the order given, escaped as Go does it; what is `undefined` is left out. */
export const form = (pairs: readonly (readonly [name: string, value: string | undefined])[]): string =>
  pairs.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${queryEscape(value)}`)).join('&')

export interface TokenCalls {
  fetch(client: Client, credentials: 'header' | 'body'): Promise<TokenAnswer>
  /** The header first, and the body where the server does not want that; what worked is remembered. */
  fetchEitherWay(client: Client): Promise<TokenAnswer>
}

export function createTokenCalls(send: Send): TokenCalls {
  /** Token endpoints that want the credentials in the body. */
  const inBody = new Set<string>()

  async function fetchToken(client: Client, credentials: 'header' | 'body'): Promise<TokenAnswer> {
    const { tokenUrl, id, secret: password, scopes, audience } = client
    const basic = Buffer.from(`${queryEscape(id)}:${queryEscape(password)}`).toString('base64')
    const answer = await postForm(
      send,
      tokenUrl,
      credentials === 'header' ? [['authorization', `Basic ${basic}`]] : [],
      form([
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
    const token = success ? readToken(answer) : 'error'
    if (token === 'error') return { kind: 'refused', status: answer.status, headers: answer.headers }
    return token === undefined ? MALFORMED : { kind: 'token', token, cache: 'miss' }
  }

  async function probe(client: Client): Promise<TokenAnswer> {
    if (inBody.has(client.tokenUrl)) return fetchToken(client, 'body')
    const first = await fetchToken(client, 'header')
    if (first.kind !== 'refused') return first
    const second = await fetchToken(client, 'body')
    if (second.kind === 'token') inBody.add(client.tokenUrl)
    return second
  }

  return { fetch: fetchToken, fetchEitherWay: probe }
}
