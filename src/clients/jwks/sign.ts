/** clients/keys_issue — tokens signed with our own keys: which key, under which kid, and how long a token is handed out again. Knows no template and no session. */
import { randomUUID } from 'node:crypto'
import type { JsonRecord } from '../../golang/index.ts'
import { createLoadingCache } from '../../lib/cache.ts'
import type { KeyHash } from '../../lib/key_hash.ts'
import { type Clock, type Millis, millis, type WallTime } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { ParsedJwk } from './document.ts'
import { ALGORITHMS, signJwt, supportsAlgorithm } from './jose.ts'
import type { JwksProblem, KeySet, RemoteJwkSet } from './remote_jwk_set.ts'

export interface IssueRequest {
  /** Where the signing key is. */
  readonly url: string
  readonly issuer: string
  readonly subject: string
  readonly ttl: Millis
  /** Everything else; `exp`, `jti`, `iat`, `nbf`, `iss` and `sub` are always ours. */
  readonly claims: JsonRecord
  /** The claims as they were rendered: equal texts, equal tokens. */
  readonly renderedClaims: string
  /** Whether a token made before may be handed out again. */
  readonly reuse: boolean
}

/** `why` is for operators. */
export type IssueResult =
  | { readonly kind: 'issued'; readonly token: string }
  | { readonly kind: 'fault'; readonly reason: string }

export type IssueToken = (order: IssueRequest) => IssueResult | Promise<IssueResult>

export interface TokenIssuerDependencies {
  readonly clock: Clock
  readonly remoteSet: (url: string) => RemoteJwkSet
  readonly maxWait: Millis
  readonly cacheKey: KeyHash
  /** Most tokens remembered. */
  readonly maxEntries: number
  readonly onProblem: (problem: JwksProblem) => void
}

/** The private key of a set and the name under which others find its public half. */
export interface SigningKey {
  readonly key: ParsedJwk
  readonly alg: string
  readonly kid: string
}

/**
 * Spec 6.4: the set is walked, the last private key before both halves were seen signs; a symmetric key is both. The kid is
 * that of the public twin. Without a twin it is the key's own: the kid of an unrelated public key would name a key
 * that verifies nothing.
 */
export function selectSigningKey(keys: readonly ParsedJwk[]): SigningKey | string {
  let key: ParsedJwk | undefined
  let hasSeenPublic = false
  for (const one of keys) {
    if (one.hasPrivate) key = one
    if (one.hasPublic) hasSeenPublic = true
    if (key !== undefined && hasSeenPublic) break
  }
  if (key === undefined) return 'the key set has no private key'
  const { material, alg } = key
  const twin = keys.find(one => one.material === material && one.hasPublic && one.kid !== '')
  const kid = twin?.kid ?? key.kid
  if (kid === '') return 'the signing key has no kid'
  const name = alg === 'Ed25519' ? 'EdDSA' : alg
  if (!ALGORITHMS.has(name)) return 'the signing key names no algorithm that can be used'
  if (!supportsAlgorithm(key, name))
    return 'the signing key is too weak, or not of the kind that its algorithm needs'
  return { key, alg: name, kid }
}

interface CachedToken {
  readonly issued: IssueResult
  readonly issuedAt: WallTime
}

const issueFailure = (reason: string): IssueResult => ({ kind: 'fault', reason })
/** Share of the lifetime that a token handed out must still have. */
const MIN_REMAINING_LIFETIME_RATIO = 0.1

export function createTokenIssuer({
  clock,
  remoteSet,
  maxWait,
  cacheKey,
  maxEntries,
  onProblem,
}: TokenIssuerDependencies): IssueToken {
  const tokens = createLoadingCache<CachedToken | IssueResult, CachedToken>({ clock, maxEntries })
  const signingKeys = new WeakMap<KeySet, SigningKey | string>()
  const reportedUrls = new Set<string>()

  function signingKeyOf(set: KeySet, url: string): SigningKey | string {
    const known = signingKeys.get(set)
    if (known !== undefined) return known
    const signingKey = selectSigningKey(set.keys)
    signingKeys.set(set, signingKey)
    if (set.isWorldReadable && typeof signingKey !== 'string' && !reportedUrls.has(url)) {
      reportedUrls.add(url)
      onProblem({ source: signingKey.kid, problem: 'the file of this signing key can be read by every user' })
    }
    return signingKey
  }

  async function signToken(
    order: IssueRequest,
    { key, alg, kid }: SigningKey,
  ): Promise<CachedToken | IssueResult> {
    const now = clock.wall()
    const iat = Math.floor(now / 1000)
    const exp = Math.floor((now + order.ttl) / 1000)
    const registeredClaims = { exp, jti: randomUUID(), iat, nbf: iat, iss: order.issuer, sub: order.subject }
    try {
      const token = await signJwt({ ...order.claims, ...registeredClaims }, key, alg, kid)
      return { issued: { kind: 'issued', token }, issuedAt: now }
    } catch {
      return issueFailure('the signing key cannot be used with its algorithm')
    }
  }

  /** Also for whoever set the clock (C22). */
  function isFresh({ issuedAt: at }: CachedToken, ttl: Millis): boolean {
    const age = clock.wall() - at
    return age >= -1_000 && age <= ttl * (1 - MIN_REMAINING_LIFETIME_RATIO)
  }

  function issueFromSet(order: IssueRequest, set: KeySet): IssueResult | Promise<IssueResult> {
    const signer = signingKeyOf(set, order.url)
    if (typeof signer === 'string') return issueFailure(signer)
    if (!order.reuse) return signToken(order, signer).then(toIssueResult)
    const { issuer, ttl, url, renderedClaims: rendered, subject } = order
    // C19; Q-83: another key, another token.
    const key = cacheKey([issuer, ttl, url, rendered, subject, signer.key.serial, signer.kid])
    const cached = tokens.get(key)
    if (cached !== undefined && isFresh(cached, ttl)) return cached.issued
    const { promise: answer } = tokens.load(key, {
      load: () => signToken(order, signer),
      toEntry: signed =>
        'issued' in signed
          ? { value: signed, ttl: millis(ttl * (1 - MIN_REMAINING_LIFETIME_RATIO)) }
          : undefined,
    })
    return answer.then(toIssueResult)
  }

  async function loadThenIssue(order: IssueRequest): Promise<IssueResult> {
    const remote = remoteSet(order.url)
    const set = (await withTimeout(remote.refresh(), maxWait, undefined)) ?? remote.lastGood()
    if (set !== undefined) return issueFromSet(order, set)
    return issueFailure(
      remote.lastError === '' ? 'the key set could not be read in time' : `the key set ${remote.lastError}`,
    )
  }

  return order => {
    const set = remoteSet(order.url).usable()
    return set === undefined ? loadThenIssue(order) : issueFromSet(order, set)
  }
}

const toIssueResult = (made: CachedToken | IssueResult): IssueResult =>
  'issued' in made ? made.issued : made
