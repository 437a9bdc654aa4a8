/**
 * Issues tokens: selects the signing key and its kid, signs, and reuses a token until a tenth of its lifetime
 * is left.
 */
import { randomUUID } from 'node:crypto'
import type { JsonRecord } from '../../golang/index.ts'
import { estimateHeapBytes } from '../../lib/heap_size.ts'
import type { KeyHash } from '../../lib/key_hash.ts'
import { createSingleFlightCache } from '../../lib/single_flight_cache.ts'
import { type Clock, type Millis, millis, type WallTime } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { ParsedJwk } from './document.ts'
import { ALGORITHMS, signJwt, supportsAlgorithm } from './jose.ts'
import type { JwksProblem, KeySet, RemoteJwkSet } from './remote_jwk_set.ts'

/** The token to issue. */
export interface IssueRequest {
  /** URL of the key set with the signing key. */
  readonly url: string
  readonly issuer: string
  readonly subject: string
  readonly ttl: Millis
  /** Further claims. The issuer overwrites `exp`, `jti`, `iat`, `nbf`, `iss` and `sub`. */
  readonly claims: JsonRecord
  /** The text that `claims` was parsed from; part of the cache key. */
  readonly renderedClaims: string
  /** Whether a cached token may be returned. */
  readonly reuse: boolean
}

/** `reason` is for operators. */
export type IssueResult =
  | { readonly kind: 'issued'; readonly token: string }
  | { readonly kind: 'fault'; readonly reason: string }

/** Synchronous on a cache hit. Never rejects. */
export type IssueToken = (request: IssueRequest) => IssueResult | Promise<IssueResult>

export interface TokenIssuerDependencies {
  readonly clock: Clock
  readonly remoteSet: (url: string) => RemoteJwkSet
  readonly maxWait: Millis
  readonly cacheKey: KeyHash
  /** Capacity of the cache of issued tokens. */
  readonly maxEntries: number
  /** Estimated size of all tokens in the cache. */
  readonly maxBytes: number
  readonly onProblem: (problem: JwksProblem) => void
}

/** The private key of a set, and the kid under which verifiers find its public half. */
export interface SigningKey {
  readonly key: ParsedJwk
  readonly alg: string
  readonly kid: string
}

/**
 * Selects the key that Oathkeeper selects: it reads the set in order, stops once it has seen a private and
 * a public key, and signs with the last private one. A symmetric key counts as both. The kid is that of the
 * key's own public half. Without a public half it is the kid of the signing key, because an unrelated
 * public key would verify nothing. Returns the reason as text if no key can sign.
 */
function selectSigningKey(keys: readonly ParsedJwk[]): SigningKey | string {
  let key: ParsedJwk | undefined
  let hasSeenPublic = false
  for (const candidate of keys) {
    if (candidate.hasPrivate) key = candidate
    if (candidate.hasPublic) hasSeenPublic = true
    if (key !== undefined && hasSeenPublic) break
  }
  if (key === undefined) return 'the key set has no private key'
  const { material, alg } = key
  const publicHalf = keys.find(
    candidate => candidate.material === material && candidate.hasPublic && candidate.kid !== '',
  )
  const kid = publicHalf?.kid ?? key.kid
  if (kid === '') return 'the signing key has no kid'
  const name = alg === 'Ed25519' ? 'EdDSA' : alg
  if (!ALGORITHMS.has(name)) return 'the signing key has no supported algorithm'
  if (!supportsAlgorithm(key, name))
    return 'the signing key is too weak or has the wrong type for its algorithm'
  return { key, alg: name, kid }
}

interface CachedToken {
  readonly issued: IssueResult
  readonly issuedAt: WallTime
}

const issueFailure = (reason: string): IssueResult => ({ kind: 'fault', reason })
/** Share of its lifetime that a cached token must still have to be returned. */
const MIN_REMAINING_LIFETIME_RATIO = 0.1

/** Returns an issuer with an empty cache. */
export function createTokenIssuer({
  clock,
  remoteSet,
  maxWait,
  cacheKey,
  maxEntries,
  maxBytes,
  onProblem,
}: TokenIssuerDependencies): IssueToken {
  const memory = { maxBytes, sizeOf: estimateHeapBytes }
  const tokens = createSingleFlightCache<CachedToken | IssueResult, CachedToken>({
    clock,
    maxEntries,
    memory,
  })
  const signingKeys = new WeakMap<KeySet, SigningKey | string>()
  const reportedUrls = new Set<string>()

  function signingKeyOf(set: KeySet, url: string): SigningKey | string {
    const selected = signingKeys.get(set)
    if (selected !== undefined) return selected
    const signingKey = selectSigningKey(set.keys)
    signingKeys.set(set, signingKey)
    if (set.isWorldReadable && typeof signingKey !== 'string' && !reportedUrls.has(url)) {
      reportedUrls.add(url)
      onProblem({ source: signingKey.kid, problem: 'the file of this signing key is readable by every user' })
    }
    return signingKey
  }

  async function signToken(
    request: IssueRequest,
    { key, alg, kid }: SigningKey,
  ): Promise<CachedToken | IssueResult> {
    const now = clock.wall()
    const iat = Math.floor(now / 1000)
    const exp = Math.floor((now + request.ttl) / 1000)
    const registeredClaims = {
      exp,
      jti: randomUUID(),
      iat,
      nbf: iat,
      iss: request.issuer,
      sub: request.subject,
    }
    try {
      const token = await signJwt({ ...request.claims, ...registeredClaims }, key, alg, kid)
      return { issued: { kind: 'issued', token }, issuedAt: now }
    } catch {
      return issueFailure('the signing key cannot be used with its algorithm')
    }
  }

  /** Measures the wall clock, which may jump: a token from the future is not fresh. */
  function isFresh({ issuedAt }: CachedToken, ttl: Millis): boolean {
    const age = clock.wall() - issuedAt
    return age >= -1_000 && age <= ttl * (1 - MIN_REMAINING_LIFETIME_RATIO)
  }

  function issueFromSet(request: IssueRequest, set: KeySet): IssueResult | Promise<IssueResult> {
    const signer = signingKeyOf(set, request.url)
    if (typeof signer === 'string') return issueFailure(signer)
    if (!request.reuse) return signToken(request, signer).then(toIssueResult)
    const { issuer, ttl, url, renderedClaims, subject } = request
    // The signing key is part of the cache key, so that a key rotation takes effect at once.
    const key = cacheKey([issuer, ttl, url, renderedClaims, subject, signer.key.serial, signer.kid])
    const cached = tokens.get(key)
    if (cached !== undefined && isFresh(cached, ttl)) return cached.issued
    const { promise } = tokens.load(key, {
      load: () => signToken(request, signer),
      toEntry: signed =>
        'issued' in signed
          ? { value: signed, ttl: millis(ttl * (1 - MIN_REMAINING_LIFETIME_RATIO)) }
          : undefined,
    })
    return promise.then(toIssueResult)
  }

  async function loadThenIssue(request: IssueRequest): Promise<IssueResult> {
    const remote = remoteSet(request.url)
    const set = (await withTimeout(remote.refresh(), maxWait, undefined)) ?? remote.lastGood()
    if (set !== undefined) return issueFromSet(request, set)
    return issueFailure(
      remote.lastError === '' ? 'the key set could not be read in time' : `the key set ${remote.lastError}`,
    )
  }

  return request => {
    const set = remoteSet(request.url).usable()
    return set === undefined ? loadThenIssue(request) : issueFromSet(request, set)
  }
}

const toIssueResult = (signed: CachedToken | IssueResult): IssueResult =>
  'issued' in signed ? signed.issued : signed
