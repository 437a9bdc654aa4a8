/** clients/keys_verify — whether a token was signed with a key of a set, and its claims; remembered while the key is in the set. Knows no claim's meaning. */

import { type JsonRecord, member } from '../../golang/index.ts'
import { createLoadingCache } from '../../lib/cache.ts'
import type { KeyHash } from '../../lib/key_hash.ts'
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { ParsedJwk } from './document.ts'
import { type DecodedToken, decodeToken, supportsAlgorithm, verifySignature } from './jose.ts'
import type { KeySet, RemoteJwkSet } from './remote_jwk_set.ts'

export interface VerifyRequest {
  readonly token: string
  /** Sets in order: the first that has the key counts. */
  readonly urls: readonly string[]
  /** Exact names; nothing else is tried (C12). */
  readonly algorithms: ReadonlySet<string>
  /** When the asker has to answer. */
  readonly deadline: Instant
}

/** `why` names no part of the token. */
export type VerifyResult =
  | {
      readonly kind: 'verified'
      /** Frozen, as signed; no claim has been looked at, `exp` neither. */
      readonly claims: JsonRecord
      readonly cached: boolean
    }
  | { readonly kind: 'refused'; readonly reason: string }
  /** No set could be had that might have the key. */
  | { readonly kind: 'unavailable'; readonly why: string }

export interface TokenVerifierDependencies {
  readonly clock: Clock
  readonly remoteSet: (url: string) => RemoteJwkSet
  readonly maxWait: Millis
  readonly cacheKey: KeyHash
  /** Most tokens remembered. */
  readonly maxEntries: number
}

export type VerifyToken = (question: VerifyRequest) => VerifyResult | Promise<VerifyResult>

interface CachedToken {
  readonly result: VerifyResult
  readonly url: string
  readonly key: ParsedJwk
}

/** Longest time that a verified token is remembered, ms; it is verified anew after that. */
const MAX_CACHE_AGE_MS = 3_600_000
/** Characters; larger tokens are verified each time, so that memory stays in proportion. */
const MAX_CACHED_TOKEN_CHARS = 8_192

const rejected = (reason: string): VerifyResult => ({ kind: 'refused', reason })
const NO_MATCHING_KEY = rejected('no key of the key sets fits the token')
const INVALID_SIGNATURE = rejected('the signature of the token is not valid')
const TIMED_OUT = { kind: 'unavailable', why: 'the key sets could not be fetched in time' } as const

interface MatchingKey {
  readonly key: ParsedJwk
  readonly url: string
}

export function createTokenVerifier(dependencies: TokenVerifierDependencies): VerifyToken {
  const { clock, remoteSet, maxWait, cacheKey } = dependencies
  const tokens = createLoadingCache<VerifyResult, CachedToken>({ clock, maxEntries: dependencies.maxEntries })

  function findKey(
    token: DecodedToken,
    urls: readonly string[],
    pickSet: (one: RemoteJwkSet) => KeySet | undefined,
  ) {
    for (const url of urls) {
      const sameKid = pickSet(remoteSet(url))?.byKid.get(token.kid)
      // Step 4 of spec 4.8; of several keys of one kid, one that fits (C17).
      const key = sameKid?.find(one => one.use === 'sig' && supportsAlgorithm(one, token.alg))
      if (key !== undefined) return { key, url }
    }
    return undefined
  }

  /** Asks whoever may know; ends with the first set that has the key. */
  async function refreshAndFind(
    opened: DecodedToken,
    urls: readonly string[],
  ): Promise<MatchingKey | VerifyResult> {
    const refreshable = urls.filter(url => remoteSet(url).shouldRefreshFor(opened.kid))
    const { promise: firstFound, resolve } = Promise.withResolvers<MatchingKey | undefined>()
    const refreshes = refreshable.map(async url => {
      await remoteSet(url).refresh(opened.kid)
      const known = findKey(opened, urls, one => one.usable())
      if (known !== undefined) resolve(known)
    })
    void Promise.all(refreshes).then(() => resolve(undefined))
    const outcome = await withTimeout(firstFound, maxWait, TIMED_OUT)
    const key =
      outcome !== undefined && 'key' in outcome ? outcome : findKey(opened, urls, one => one.lastGood())
    if (key !== undefined) return key
    if (outcome === TIMED_OUT) return TIMED_OUT
    const missing = urls.map(remoteSet).find(one => one.lastGood() === undefined)
    return missing === undefined
      ? NO_MATCHING_KEY
      : { kind: 'unavailable', why: `a key set ${missing.lastError}` }
  }

  async function verify(
    { token, urls, algorithms }: VerifyRequest,
    onVerified?: (cached: CachedToken) => void,
  ) {
    const opened = decodeToken(token)
    if (typeof opened === 'string') return rejected(opened)
    if (!algorithms.has(opened.alg)) return rejected('the algorithm of the token is not allowed')
    const found = findKey(opened, urls, one => one.usable()) ?? (await refreshAndFind(opened, urls))
    if ('kind' in found) return found
    if (!(await verifySignature(token, found.key, opened.alg))) return INVALID_SIGNATURE
    const { claims } = opened
    onVerified?.({ ...found, result: { kind: 'verified', claims, cached: true } })
    return { kind: 'verified', claims, cached: false } as const
  }

  function verifyCached(request: VerifyRequest): VerifyResult | Promise<VerifyResult> {
    const { token, urls, algorithms } = request
    if (token.length > MAX_CACHED_TOKEN_CHARS) return verify(request)
    const key = cacheKey([token, [...urls], [...algorithms]])
    const kept = tokens.get(key)
    if (kept !== undefined) {
      // A key that left its set takes its tokens with it (C16).
      if (remoteSet(kept.url).usable()?.members.has(kept.key) === true) return kept.result
      tokens.evict(key)
    }
    let verified: CachedToken | undefined
    const keep = (found: CachedToken): void => {
      verified = found
    }
    return tokens.load(key, {
      load: () => verify(request, keep),
      toEntry: () =>
        verified === undefined ? undefined : { value: verified, ttl: cacheLifetime(verified, clock) },
    }).promise
  }

  return question => {
    const answer = verifyCached(question)
    if (!(answer instanceof Promise)) return answer
    return withTimeout(answer, millisBetween(clock.now(), question.deadline), TIMED_OUT)
  }
}

/** Until `exp`; whoever asks looks at the time itself. */
function cacheLifetime({ result: hit }: CachedToken, clock: Clock): Millis {
  const exp = hit.kind === 'verified' ? member(hit.claims, 'exp') : undefined
  const remaining = typeof exp === 'number' && exp !== 0 ? exp * 1000 - clock.wall() : MAX_CACHE_AGE_MS
  return millis(Math.min(remaining, MAX_CACHE_AGE_MS))
}
