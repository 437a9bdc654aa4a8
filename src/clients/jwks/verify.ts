/**
 * Verifies the signatures of tokens with the keys of remote sets, and caches the result while the key is in
 * its set.
 */

import { type JsonRecord, ownMember } from '../../golang/index.ts'
import { estimateHeapBytes } from '../../lib/heap_size.ts'
import type { KeyHash } from '../../lib/key_hash.ts'
import { createSingleFlightCache } from '../../lib/single_flight_cache.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { ParsedJwk } from './document.ts'
import { type DecodedToken, decodeToken, supportsAlgorithm, verifySignature } from './jose.ts'
import type { KeySet, RemoteJwkSet } from './remote_jwk_set.ts'

/** The token to verify, and what is acceptable. */
export interface VerifyRequest {
  readonly token: string
  /** Key sets in order. The first one with the key is used. */
  readonly urls: readonly string[]
  /** The issuer whose tokens each of the `urls` verifies. Absent: each verifies the tokens of any issuer. */
  readonly issuers?: readonly string[]
  /** Exact names of the accepted algorithms. */
  readonly algorithms: ReadonlySet<string>
  /** The result resolves by then. */
  readonly deadline: Instant
}

/** `reason` contains no part of the token. */
export type VerifyResult =
  | {
      readonly kind: 'verified'
      /** Frozen, as signed. No claim has been checked, not even `exp`. */
      readonly claims: JsonRecord
      readonly cached: boolean
    }
  | { readonly kind: 'refused'; readonly reason: string }
  /** A set that may have the key could not be loaded. */
  | { readonly kind: 'unavailable'; readonly reason: string }

export interface TokenVerifierDependencies {
  readonly clock: Clock
  readonly remoteSet: (url: string) => RemoteJwkSet
  readonly maxWait: Millis
  readonly cacheKey: KeyHash
  /** Capacity of the cache of verified tokens. */
  readonly maxEntries: number
  /** Estimated size of all claims in the cache. */
  readonly maxBytes: number
}

/** Synchronous on a cache hit. Never rejects. */
export type VerifyToken = (request: VerifyRequest) => VerifyResult | Promise<VerifyResult>

interface CachedToken {
  readonly result: VerifyResult
  readonly url: string
  readonly key: ParsedJwk
}

/** Limit for caching a verified token, even if it expires later. */
const MAX_CACHE_AGE_MS = 3_600_000
/** Larger tokens are verified for each request, so that the cache cannot fill memory. */
const MAX_CACHED_TOKEN_CHARS = 8_192

const rejected = (reason: string): VerifyResult => ({ kind: 'refused', reason })
const NO_MATCHING_KEY = rejected('no key of the key sets matches the token')
const NO_SET_FOR_ISSUER = rejected('no key set is configured for the issuer of the token')
const INVALID_SIGNATURE = rejected('the signature of the token is not valid')
const TIMED_OUT = { kind: 'unavailable', reason: 'loading the key sets timed out' } as const

interface MatchingKey {
  readonly key: ParsedJwk
  readonly url: string
}

/** Returns a verifier with an empty cache. */
export function createTokenVerifier(dependencies: TokenVerifierDependencies): VerifyToken {
  const { clock, remoteSet, maxWait, cacheKey, maxEntries, maxBytes } = dependencies
  const tokens = createSingleFlightCache<VerifyResult, CachedToken>({
    clock,
    maxEntries,
    // Not the whole entry: all tokens of a set share its keys.
    memory: { maxBytes, sizeOf: ({ result }) => estimateHeapBytes(result) },
  })

  function findKey(
    token: DecodedToken,
    urls: readonly string[],
    pickSet: (remote: RemoteJwkSet) => KeySet | undefined,
  ) {
    for (const url of urls) {
      const sameKid = pickSet(remoteSet(url))?.byKid.get(token.kid)
      // A set may have several keys of one kid. Like Oathkeeper, use only keys with `use: sig`.
      const key = sameKid?.find(
        candidate => candidate.use === 'sig' && supportsAlgorithm(candidate, token.alg),
      )
      if (key !== undefined) return { key, url }
    }
    return undefined
  }

  /** Refreshes all sets that may have the key. Continues with the first set that has it. */
  async function refreshAndFind(
    decoded: DecodedToken,
    urls: readonly string[],
  ): Promise<MatchingKey | VerifyResult> {
    const refreshable = urls.filter(url => remoteSet(url).shouldRefreshFor(decoded.kid))
    const { promise: firstFound, resolve } = Promise.withResolvers<MatchingKey | undefined>()
    const refreshes = refreshable.map(async url => {
      await remoteSet(url).refresh(decoded.kid)
      const found = findKey(decoded, urls, remote => remote.usable())
      if (found !== undefined) resolve(found)
    })
    void Promise.all(refreshes).then(() => resolve(undefined))
    const outcome = await withTimeout(firstFound, maxWait, TIMED_OUT)
    const key =
      outcome !== undefined && 'key' in outcome
        ? outcome
        : findKey(decoded, urls, remote => remote.lastGood())
    if (key !== undefined) return key
    if (outcome === TIMED_OUT) return TIMED_OUT
    const missing = urls.map(remoteSet).find(remote => remote.lastGood() === undefined)
    return missing === undefined
      ? NO_MATCHING_KEY
      : { kind: 'unavailable', reason: `a key set ${missing.lastError}` }
  }

  async function verify(
    { token, urls: allUrls, issuers, algorithms }: VerifyRequest,
    onVerified?: (cached: CachedToken) => void,
  ) {
    const decoded = decodeToken(token)
    if (typeof decoded === 'string') return rejected(decoded)
    if (!algorithms.has(decoded.alg)) return rejected('the algorithm of the token is not allowed')
    const urls = issuers === undefined ? allUrls : urlsOfIssuer(allUrls, issuers, decoded)
    if (urls.length === 0) return NO_SET_FOR_ISSUER
    const found = findKey(decoded, urls, remote => remote.usable()) ?? (await refreshAndFind(decoded, urls))
    if ('kind' in found) return found
    if (!(await verifySignature(token, found.key, decoded.alg))) return INVALID_SIGNATURE
    const { claims } = decoded
    onVerified?.({ ...found, result: { kind: 'verified', claims, cached: true } })
    return { kind: 'verified', claims, cached: false } as const
  }

  function verifyCached(request: VerifyRequest): VerifyResult | Promise<VerifyResult> {
    const { token, urls, issuers, algorithms } = request
    if (token.length > MAX_CACHED_TOKEN_CHARS) return verify(request)
    const key = cacheKey(
      issuers === undefined
        ? [token, [...urls], [...algorithms]]
        : [token, [...urls], [...algorithms], [...issuers]],
    )
    const cached = tokens.get(key)
    if (cached !== undefined) {
      // Removing a key from its set revokes the tokens that it signed.
      if (remoteSet(cached.url).usable()?.members.has(cached.key) === true) return cached.result
      tokens.evict(key)
    }
    let verified: CachedToken | undefined
    return tokens.load(key, {
      load: () =>
        verify(request, token => {
          verified = token
        }),
      toEntry: () =>
        verified === undefined ? undefined : { value: verified, ttl: cacheLifetime(verified, clock) },
    }).promise
  }

  return request => {
    const result = verifyCached(request)
    if (!(result instanceof Promise)) return result
    return withTimeout(result, millisBetween(clock.now(), request.deadline), TIMED_OUT)
  }
}

/** The issuer is signed: a token that another issuer's key signed in its name finds no key (RFC 8725 §3.8). */
function urlsOfIssuer(
  urls: readonly string[],
  issuers: readonly string[],
  { claims }: DecodedToken,
): readonly string[] {
  const issuer = ownMember(claims, 'iss')
  return urls.filter((_url, i) => issuers[i] === issuer)
}

/** Until `exp`, so that expired tokens free their entries. The caller checks the claims of every result. */
function cacheLifetime({ result }: CachedToken, clock: Clock): Millis {
  const exp = result.kind === 'verified' ? ownMember(result.claims, 'exp') : undefined
  const remaining = typeof exp === 'number' && exp !== 0 ? exp * 1000 - clock.wall() : MAX_CACHE_AGE_MS
  return millis(Math.min(remaining, MAX_CACHE_AGE_MS))
}
