/** clients/keys_issue — tokens signed with our own keys: which key, under which kid, and how long a token is handed out again. Knows no template and no session. */
import { randomUUID } from 'node:crypto'
import type { JsonRecord } from '../../golang/index.ts'
import { createCache } from '../../lib/cache.ts'
import type { TupleHash } from '../../lib/key_hash.ts'
import { type Clock, type Millis, millis, type WallTime } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import type { Key } from './document.ts'
import { ALGORITHMS, fits, sign } from './jose.ts'
import type { KeyProblem, KeySet, Shelf } from './remote_jwk_set.ts'

export interface TokenOrder {
  /** Where the signing key is. */
  readonly url: string
  readonly issuer: string
  readonly subject: string
  readonly ttl: Millis
  /** Everything else; `exp`, `jti`, `iat`, `nbf`, `iss` and `sub` are always ours. */
  readonly claims: JsonRecord
  /** The claims as they were rendered: equal texts, equal tokens. */
  readonly rendered: string
  /** Whether a token made before may be handed out again. */
  readonly reuse: boolean
}

/** `why` is for operators. */
export type Issued =
  | { readonly kind: 'issued'; readonly token: string }
  | { readonly kind: 'fault'; readonly why: string }

export type Issue = (order: TokenOrder) => Issued | Promise<Issued>

export interface IssuerParts {
  readonly clock: Clock
  readonly shelf: (url: string) => Shelf
  readonly maxWait: Millis
  readonly keyOf: TupleHash
  /** Most tokens remembered. */
  readonly entries: number
  readonly report: (problem: KeyProblem) => void
}

/** The private key of a set and the name under which others find its public half. */
export interface Signer {
  readonly key: Key
  readonly alg: string
  readonly kid: string
}

/**
 * Spec 6.4: the set is walked, the last private key before both halves were seen signs; a symmetric key is both. The kid is
 * that of the public twin. Without a twin it is the key's own: the kid of an unrelated public key would name a key
 * that verifies nothing.
 */
export function chooseSigner(keys: readonly Key[]): Signer | string {
  let key: Key | undefined
  let seenPublic = false
  for (const one of keys) {
    if (one.hasPrivate) key = one
    if (one.hasPublic) seenPublic = true
    if (key !== undefined && seenPublic) break
  }
  if (key === undefined) return 'the key set has no private key'
  const { material, alg } = key
  const twin = keys.find(one => one.material === material && one.hasPublic && one.kid !== '')
  const kid = twin?.kid ?? key.kid
  if (kid === '') return 'the signing key has no kid'
  const name = alg === 'Ed25519' ? 'EdDSA' : alg
  if (!ALGORITHMS.has(name)) return 'the signing key names no algorithm that can be used'
  if (!fits(key, name)) return 'the signing key is too weak, or not of the kind that its algorithm needs'
  return { key, alg: name, kid }
}

interface Kept {
  readonly issued: Issued
  readonly at: WallTime
}

const fault = (why: string): Issued => ({ kind: 'fault', why })
/** Share of the lifetime that a token handed out must still have. */
const RESERVE = 0.1

export function createIssue({ clock, shelf, maxWait, keyOf, entries, report }: IssuerParts): Issue {
  const tokens = createCache<Kept | Issued, Kept>({ clock, entries })
  const signers = new WeakMap<KeySet, Signer | string>()
  const told = new Set<string>()

  function signerOf(set: KeySet, url: string): Signer | string {
    const known = signers.get(set)
    if (known !== undefined) return known
    const signer = chooseSigner(set.keys)
    signers.set(set, signer)
    if (set.open && typeof signer !== 'string' && !told.has(url)) {
      told.add(url)
      report({ source: signer.kid, problem: 'the file of this signing key can be read by every user' })
    }
    return signer
  }

  async function make(order: TokenOrder, { key, alg, kid }: Signer): Promise<Kept | Issued> {
    const now = clock.wall()
    const iat = Math.floor(now / 1000)
    const exp = Math.floor((now + order.ttl) / 1000)
    const ours = { exp, jti: randomUUID(), iat, nbf: iat, iss: order.issuer, sub: order.subject }
    try {
      const token = await sign({ ...order.claims, ...ours }, key, alg, kid)
      return { issued: { kind: 'issued', token }, at: now }
    } catch {
      return fault('the signing key cannot be used with its algorithm')
    }
  }

  /** Also for whoever set the clock (C22). */
  function isGood({ at }: Kept, ttl: Millis): boolean {
    const age = clock.wall() - at
    return age >= -1_000 && age <= ttl * (1 - RESERVE)
  }

  function issue(order: TokenOrder, set: KeySet): Issued | Promise<Issued> {
    const signer = signerOf(set, order.url)
    if (typeof signer === 'string') return fault(signer)
    if (!order.reuse) return make(order, signer).then(finished)
    const { issuer, ttl, url, rendered, subject } = order
    // C19; Q-83: another key, another token.
    const id = keyOf([issuer, ttl, url, rendered, subject, signer.key.serial, signer.kid])
    const kept = tokens.get(id)
    if (kept !== undefined && isGood(kept, ttl)) return kept.issued
    const { answer } = tokens.ask(id, {
      ask: () => make(order, signer),
      keep: made => ('issued' in made ? { value: made, ttl: millis(ttl * (1 - RESERVE)) } : undefined),
    })
    return answer.then(finished)
  }

  async function fetchFirst(order: TokenOrder): Promise<Issued> {
    const one = shelf(order.url)
    const set = (await within(one.refresh(), maxWait, undefined)) ?? one.last()
    if (set !== undefined) return issue(order, set)
    return fault(one.fault === '' ? 'the key set could not be read in time' : `the key set ${one.fault}`)
  }

  return order => {
    const set = shelf(order.url).usable()
    return set === undefined ? fetchFirst(order) : issue(order, set)
  }
}

const finished = (made: Kept | Issued): Issued => ('issued' in made ? made.issued : made)
