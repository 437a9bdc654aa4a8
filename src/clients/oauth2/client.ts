/** clients/oauth2 — introspection and client credentials over our own pools: raw typed answers, remembered where the asker says so. Interprets nothing. */
import { createLoadingCache, type LoadingCache } from '../../lib/cache.ts'
import { createKeyHash, type KeyPart } from '../../lib/key_hash.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { HeaderPair, HttpFailure, Send } from '../http/message.ts'
import { type AccessToken, type IntrospectionResponse, parseIntrospection } from './responses.ts'
import {
  type CacheOutcome,
  type ClientCredentials,
  createTokenEndpoint,
  type ErrorResponse,
  encodeForm,
  MALFORMED_RESPONSE,
  type MalformedResponse,
  postForm,
  type TokenResult,
} from './token_request.ts'

interface CallOptions {
  /** Longest time that an answer may be believed, ms; 0 neither reads nor fills the memory. */
  readonly maxAge: Millis
  /** When the asker has to answer; the call itself goes on. */
  readonly deadline: Instant
}

export interface IntrospectionRequest extends CallOptions {
  readonly url: string
  readonly token: string
  /** Sent as `scope`, also when empty; `undefined`: not sent. */
  readonly scope: string | undefined
  /** Names in lower case; the content type is ours. */
  readonly headers: readonly HeaderPair[]
  /** Whose access token authorizes the call. */
  readonly preAuthorization: ClientCredentials | undefined
}

export type IntrospectionResult =
  | { readonly kind: 'introspected'; readonly response: IntrospectionResponse; readonly cache: CacheOutcome }
  /** The token for the call itself could not be had. */
  | { readonly kind: 'not authorized' }
  | ErrorResponse
  | MalformedResponse
  | HttpFailure

type Awaitable<T> = T | Promise<T>

export interface OAuth2Client {
  /** RFC 7662. At once where the answer is remembered; only an `active` one is. Never rejects. */
  introspect(question: IntrospectionRequest): Awaitable<IntrospectionResult>
  /**
   * RFC 6749 §4.4 with HTTP Basic: whether these are the credentials of a client. Never rejects. `maxAge` undefined: as
   * long as the token is good, an hour if it names no end; with a `maxAge` a token without an end is not remembered.
   */
  fetchClientToken(
    client: ClientCredentials,
    asking: { readonly maxAge: Millis | undefined; readonly deadline: Instant },
  ): Awaitable<TokenResult>
}

export interface OAuth2ClientDependencies {
  readonly clock: Clock
  readonly send: Send
  /** Of this process; keys what is remembered (C6). */
  readonly secret: Uint8Array
  /** Most answers of each kind that are remembered. */
  readonly maxEntries: number
}

/** A token is not used in its last seconds, ms. */
const EXPIRY_MARGIN_MS = 10_000
/** Of a token that names no end, ms. */
const DEFAULT_TOKEN_LIFETIME_MS = 3_600_000

const NOT_AUTHORIZED = Object.freeze({ kind: 'not authorized' } as const)

const UNTIL_TOKEN_EXPIRY = millis(Number.MAX_SAFE_INTEGER)

interface CachedValue<T> {
  readonly value: T
  readonly requestedAt: Instant
}

export function createOAuth2Client({
  clock,
  send,
  secret,
  maxEntries,
}: OAuth2ClientDependencies): OAuth2Client {
  const cacheKey = createKeyHash(secret)
  const tokenEndpoint = createTokenEndpoint(send)
  const introspections: LoadingCache<
    IntrospectionResult,
    CachedValue<IntrospectionResponse>
  > = createLoadingCache({ clock, maxEntries })
  const clientTokens: LoadingCache<TokenResult, CachedValue<AccessToken>> = createLoadingCache({
    clock,
    maxEntries,
  })
  /** Access tokens of our own, for pre-authorization. */
  const ownTokens: LoadingCache<TokenResult, AccessToken> = createLoadingCache({ clock, maxEntries })
  async function getOwnToken(client: ClientCredentials, key: string): Promise<AccessToken | undefined> {
    const known = ownTokens.get(key)
    if (known !== undefined) return known
    const answer = await ownTokens.load(key, {
      load: () => tokenEndpoint.fetchTokenByEitherMethod(client),
      toEntry: made =>
        made.kind === 'token'
          ? { value: made.token, ttl: millis(lifetimeMs(made.token) - EXPIRY_MARGIN_MS) }
          : undefined,
    }).promise
    return answer.kind === 'token' ? answer.token : undefined
  }

  async function callIntrospection(question: IntrospectionRequest): Promise<IntrospectionResult> {
    const { url, token, scope, headers, preAuthorization: client } = question
    let requestHeaders = headers.filter(([name]) => name !== 'content-type')
    const clientKey = client === undefined ? '' : cacheKey(clientKeyParts(client))
    if (client !== undefined) {
      const access = await getOwnToken(client, clientKey)
      if (access === undefined) return NOT_AUTHORIZED
      requestHeaders = requestHeaders.filter(([name]) => name !== 'authorization')
      requestHeaders.push(['authorization', `Bearer ${access.accessToken}`])
    }
    const body = encodeForm([
      ['scope', scope],
      ['token', token],
    ])
    const answer = await postForm(send, url, requestHeaders, body, 'introspection')
    if (answer.kind === 'failed') return answer
    // Our own token may have been withdrawn: the next call gets a new one.
    if (answer.status === 401 && client !== undefined) ownTokens.evict(clientKey)
    if (answer.status !== 200) return { kind: 'refused', status: answer.status, headers: answer.headers }
    const response = parseIntrospection(answer.body)
    return response === undefined ? MALFORMED_RESPONSE : { kind: 'introspected', response, cache: 'miss' }
  }

  /** One who waits leaves when his time is over. */
  const untilDeadline = <T>(
    answer: Promise<T>,
    deadline: Instant,
    target: string,
  ): Promise<T | HttpFailure> =>
    withTimeout(answer, millisBetween(clock.now(), deadline), {
      kind: 'failed',
      cause: 'deadline',
      message: `${target}: no answer before the caller had to answer`,
    })

  function getFresh<T>(
    cache: LoadingCache<unknown, CachedValue<T>>,
    key: string,
    maxAge: Millis,
  ): T | undefined {
    const cached = maxAge > 0 ? cache.get(key) : undefined
    return cached !== undefined && millisBetween(cached.requestedAt, clock.now()) < maxAge
      ? cached.value
      : undefined
  }

  return {
    introspect(question) {
      const { url, token, scope, headers, preAuthorization: client, maxAge, deadline } = question
      const pairs = headers.map(pair => [...pair])
      // C4: an answer belongs to the server and to everything that was said to it.
      const key = cacheKey([url, token, scope, pairs, client && clientKeyParts(client), maxAge > 0])
      const known = getFresh(introspections, key, maxAge)
      if (known !== undefined) return { kind: 'introspected', response: known, cache: 'hit' }
      const askedAt = clock.now()
      const { promise: answer, shared: joined } = introspections.load(key, {
        load: () => callIntrospection(question),
        toEntry: made => {
          if (maxAge <= 0 || made.kind !== 'introspected' || !made.response.active) return undefined
          const { exp } = made.response
          const left = exp > 0 ? exp * 1000 - clock.wall() : maxAge
          return {
            value: { value: made.response, requestedAt: askedAt },
            ttl: millis(Math.min(maxAge, left)),
          }
        },
      })
      return untilDeadline(answer.then(withCacheStatus(joined, maxAge)), deadline, 'introspection')
    },
    fetchClientToken(client, { maxAge: requestedMaxAge, deadline }) {
      const maxAge = requestedMaxAge ?? UNTIL_TOKEN_EXPIRY
      const key = cacheKey([...clientKeyParts(client), maxAge > 0])
      const known = getFresh(clientTokens, key, maxAge)
      if (known !== undefined) return { kind: 'token', token: known, cache: 'hit' }
      const askedAt = clock.now()
      const { promise: answer, shared: joined } = clientTokens.load(key, {
        load: () => tokenEndpoint.fetchToken(client, 'header'),
        toEntry: made => {
          if (maxAge <= 0 || made.kind !== 'token') return undefined
          if (made.token.expiresIn === undefined && requestedMaxAge !== undefined) return undefined
          const ttl = millis(Math.min(maxAge, lifetimeMs(made.token)))
          return { value: { value: made.token, requestedAt: askedAt }, ttl }
        },
      })
      return untilDeadline(answer.then(withCacheStatus(joined, maxAge)), deadline, 'oauth2.token')
    },
  }
}

const withCacheStatus =
  (shared: boolean, maxAge: Millis) =>
  <A extends { readonly kind: string }>(answer: A): A =>
    'cache' in answer ? { ...answer, cache: shared ? 'shared' : maxAge > 0 ? 'miss' : 'off' } : answer

const lifetimeMs = ({ expiresIn }: AccessToken): number =>
  expiresIn === undefined ? DEFAULT_TOKEN_LIFETIME_MS : expiresIn * 1000

const clientKeyParts = ({
  tokenUrl,
  id,
  secret,
  scopes,
  audience,
}: ClientCredentials): readonly KeyPart[] => [tokenUrl, id, secret, scopes, audience]
