/**
 * OAuth 2.0 client: token introspection and client credentials, with caches whose lifetime the caller sets.
 */

import { estimateHeapBytes } from '../../lib/heap_size.ts'
import { createKeyHash, type KeyPart } from '../../lib/key_hash.ts'
import {
  createSingleFlightCache,
  type SingleFlightCache,
  type Waiter,
} from '../../lib/single_flight_cache.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import { httpFailure } from '../http/exchange.ts'
import type { HttpFailure, HttpResponse, Send } from '../http/message.ts'
import type { CallOptions, IntrospectionRequest, IntrospectionResult } from './introspection.ts'
import { type AccessToken, type IntrospectionResponse, parseIntrospection } from './responses.ts'
import {
  type CacheOutcome,
  type ClientCredentials,
  createTokenEndpoint,
  encodeForm,
  MALFORMED_RESPONSE,
  postForm,
  type TokenResult,
} from './token_request.ts'

type Awaitable<T> = T | Promise<T>

export interface OAuth2Client {
  /**
   * Introspects a token (RFC 7662). Synchronous on a cache hit; only `active` responses are cached. Never
   * rejects.
   */
  introspect(request: IntrospectionRequest): Awaitable<IntrospectionResult>
  /**
   * Requests a token with client credentials and HTTP Basic (RFC 6749 §4.4), which proves that the
   * credentials are valid. Without a `maxAge` the result is cached until the token expires, or for an hour if
   * it has no `expires_in`. With a `maxAge` a token without `expires_in` is not cached. Never rejects.
   */
  fetchClientToken(
    client: ClientCredentials,
    options: Omit<CallOptions, 'maxAge'> & { readonly maxAge: Millis | undefined },
  ): Awaitable<TokenResult>
}

export interface OAuth2ClientDependencies {
  readonly clock: Clock
  readonly send: Send
  /**
   * Key of the hash that forms cache keys, unique to this process, so that no cache key reveals a credential.
   */
  readonly secret: Uint8Array
  /** Capacity of each cache, in entries and in estimated bytes. */
  readonly maxEntries: number
  readonly maxBytes: number
}

/** A token for pre-authorization is replaced this long before it expires. */
const EXPIRY_MARGIN_MS = 10_000
/** Lifetime of a token without `expires_in`. */
const DEFAULT_TOKEN_LIFETIME_MS = 3_600_000

const NOT_AUTHORIZED = Object.freeze({ kind: 'not authorized' } as const)

const UNTIL_TOKEN_EXPIRY = millis(Number.MAX_SAFE_INTEGER)

interface CachedValue<T> {
  readonly value: T
  readonly requestedAt: Instant
}

/** Returns a client with empty caches. */
export function createOAuth2Client({
  clock,
  send,
  secret,
  maxEntries,
  maxBytes,
}: OAuth2ClientDependencies): OAuth2Client {
  const cacheOptions = { clock, maxEntries, memory: { maxBytes, sizeOf: estimateHeapBytes } }
  const cacheKey = createKeyHash(secret)
  const tokenEndpoint = createTokenEndpoint(send)
  const introspections = createSingleFlightCache<IntrospectionResult, CachedValue<IntrospectionResponse>>(
    cacheOptions,
  )
  const clientTokens = createSingleFlightCache<TokenResult, CachedValue<AccessToken>>(cacheOptions)
  /** Access tokens for pre-authorization. */
  const ownTokens = createSingleFlightCache<TokenResult, AccessToken>(cacheOptions)

  async function getOwnToken(
    client: ClientCredentials,
    key: string,
  ): Promise<AccessToken | HttpFailure | undefined> {
    const cached = ownTokens.get(key)
    if (cached !== undefined) return cached
    const result = await ownTokens.load(key, {
      load: () => tokenEndpoint.fetchTokenByEitherMethod(client),
      toEntry: loaded =>
        loaded.kind === 'token'
          ? { value: loaded.token, ttl: millis(lifetimeMs(loaded.token) - EXPIRY_MARGIN_MS) }
          : undefined,
    }).promise
    if (result.kind === 'failed' && result.cause === 'busy') return result
    return result.kind === 'token' ? result.token : undefined
  }

  async function callIntrospection(
    request: IntrospectionRequest,
    key: string,
    deadline: () => Instant,
  ): Promise<IntrospectionResult> {
    const { url, token, scope, headers, preAuthorization: client } = request
    let requestHeaders = headers.filter(([name]) => name !== 'content-type')
    const clientKey = client === undefined ? '' : cacheKey(clientKeyParts(client))
    if (client !== undefined) {
      const ownToken = await getOwnToken(client, clientKey)
      if (ownToken === undefined) return NOT_AUTHORIZED
      if ('kind' in ownToken) return ownToken
      requestHeaders = requestHeaders.filter(([name]) => name !== 'authorization')
      requestHeaders.push(['authorization', `Bearer ${ownToken.accessToken}`])
    }
    const body = encodeForm([
      ['scope', scope],
      ['token', token],
    ])
    const outcome = await postForm(send, url, requestHeaders, body, 'introspection', {
      deadline,
      caller: {
        address: request.clientAddress,
        credential: { key, isAccepted: isActive, isRejected: request.maxAge > 0 ? isInactive : undefined },
      },
    })
    if (outcome.kind === 'failed') return outcome
    // The server may have revoked the token of the call: the next call requests a new one.
    if (outcome.status === 401 && client !== undefined) ownTokens.evict(clientKey)
    if (outcome.status !== 200) return { kind: 'refused', status: outcome.status, headers: outcome.headers }
    const response = parseIntrospection(outcome.body)
    return response === undefined
      ? MALFORMED_RESPONSE
      : { kind: 'introspected', response, cache: outcome.cache ?? 'miss' }
  }

  const untilDeadline = <T>(
    result: Promise<T>,
    { deadline }: Waiter,
    target: string,
  ): Promise<T | HttpFailure> =>
    withTimeout(result, millisBetween(clock.now(), deadline), httpFailure(target, 'deadline'))

  function getFresh<T>(
    cache: SingleFlightCache<unknown, CachedValue<T>>,
    key: string,
    maxAge: Millis,
  ): T | undefined {
    const cached = maxAge > 0 ? cache.get(key) : undefined
    return cached !== undefined && millisBetween(cached.requestedAt, clock.now()) < maxAge
      ? cached.value
      : undefined
  }

  return {
    introspect(request) {
      const { url, token, scope, headers, preAuthorization: client, maxAge, waiter } = request
      const pairs = headers.map(pair => [...pair])
      // The key covers the server and everything sent to it: a different request may get a different
      // response.
      const key = cacheKey([url, token, scope, pairs, client && clientKeyParts(client), maxAge > 0])
      const cached = getFresh(introspections, key, maxAge)
      if (cached !== undefined) return { kind: 'introspected', response: cached, cache: 'hit' }
      const requestedAt = clock.now()
      const { promise, shared } = introspections.load(key, {
        waiter,
        load: wantedUntil => callIntrospection(request, key, wantedUntil),
        toEntry: loaded => {
          if (maxAge <= 0 || loaded.kind !== 'introspected' || !loaded.response.active) return undefined
          const { exp } = loaded.response
          const remaining = exp > 0 ? exp * 1000 - clock.wall() : maxAge
          return {
            value: { value: loaded.response, requestedAt },
            ttl: millis(Math.min(maxAge, remaining)),
          }
        },
      })
      return untilDeadline(promise.then(withCacheStatus(shared, maxAge)), waiter, 'introspection')
    },
    fetchClientToken(client, { maxAge: requestedMaxAge, waiter, clientAddress }) {
      const maxAge = requestedMaxAge ?? UNTIL_TOKEN_EXPIRY
      const key = cacheKey([...clientKeyParts(client), maxAge > 0])
      const cached = getFresh(clientTokens, key, maxAge)
      if (cached !== undefined) return { kind: 'token', token: cached, cache: 'hit' }
      const requestedAt = clock.now()
      const { promise, shared } = clientTokens.load(key, {
        waiter,
        load: wantedUntil =>
          tokenEndpoint.fetchToken(client, 'header', {
            deadline: wantedUntil,
            caller: {
              address: clientAddress,
              credential: { key, isAccepted: isSuccess, isRejected: maxAge > 0 ? isUnauthorized : undefined },
            },
          }),
        toEntry: loaded => {
          if (maxAge <= 0 || loaded.kind !== 'token') return undefined
          if (loaded.token.expiresIn === undefined && requestedMaxAge !== undefined) return undefined
          const ttl = millis(Math.min(maxAge, lifetimeMs(loaded.token)))
          return { value: { value: loaded.token, requestedAt }, ttl }
        },
      })
      return untilDeadline(promise.then(withCacheStatus(shared, maxAge)), waiter, 'oauth2.token')
    },
  }
}

const isActive = ({ status, body }: HttpResponse): boolean =>
  status === 200 && parseIntrospection(body)?.active === true
const isInactive = ({ status, body }: HttpResponse): boolean =>
  status === 200 && parseIntrospection(body)?.active === false
const isSuccess = ({ status }: HttpResponse): boolean => status >= 200 && status <= 299
const isUnauthorized = ({ status }: HttpResponse): boolean => status === 401

const withCacheStatus =
  (shared: boolean, maxAge: Millis) =>
  <R extends { readonly kind: string; readonly cache?: CacheOutcome }>(result: R): R =>
    'cache' in result && result.cache !== 'negative'
      ? { ...result, cache: shared ? 'joined' : maxAge > 0 ? 'miss' : 'off' }
      : result

const lifetimeMs = ({ expiresIn }: AccessToken): number =>
  expiresIn === undefined ? DEFAULT_TOKEN_LIFETIME_MS : expiresIn * 1000

const clientKeyParts = ({
  tokenUrl,
  id,
  secret,
  scopes,
  audience,
}: ClientCredentials): readonly KeyPart[] => [tokenUrl, id, secret, scopes, audience]
