/** clients/keys_verify — whether a token was signed with a key of a set, and its claims; remembered while the key is in the set. Knows no claim's meaning. */

import { type JsonRecord, member } from '../../golang/index.ts'
import { createCache } from '../../lib/cache.ts'
import type { TupleHash } from '../../lib/key_hash.ts'
import { between, type Clock, type Instant, type Millis, millis } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import type { Key } from './document.ts'
import { fits, isSignedBy, type Opened, openToken } from './jose.ts'
import type { KeySet, Shelf } from './remote_jwk_set.ts'

export interface TokenQuestion {
  readonly token: string
  /** Sets in order: the first that has the key counts. */
  readonly urls: readonly string[]
  /** Exact names; nothing else is tried (C12). */
  readonly algorithms: ReadonlySet<string>
  /** When the asker has to answer. */
  readonly deadline: Instant
}

/** `why` names no part of the token. */
export type Verification =
  | {
      readonly kind: 'verified'
      /** Frozen, as signed; no claim has been looked at, `exp` neither. */
      readonly claims: JsonRecord
      readonly remembered: boolean
    }
  | { readonly kind: 'refused'; readonly why: string }
  /** No set could be had that might have the key. */
  | { readonly kind: 'unavailable'; readonly why: string }

export interface VerifierParts {
  readonly clock: Clock
  readonly shelf: (url: string) => Shelf
  readonly maxWait: Millis
  readonly keyOf: TupleHash
  /** Most tokens remembered. */
  readonly entries: number
}

export type Verify = (question: TokenQuestion) => Verification | Promise<Verification>

interface Kept {
  readonly hit: Verification
  readonly url: string
  readonly key: Key
}

/** Longest time that a verified token is remembered, ms; it is verified anew after that. */
const LONGEST = 3_600_000
/** Characters; larger tokens are verified each time, so that memory stays in proportion. */
const LARGEST = 8_192

const refused = (why: string): Verification => ({ kind: 'refused', why })
const NO_KEY = refused('no key of the key sets fits the token')
const FORGED = refused('the signature of the token is not valid')
const LATE = { kind: 'unavailable', why: 'the key sets could not be fetched in time' } as const

interface Found {
  readonly key: Key
  readonly url: string
}

export function createVerify(parts: VerifierParts): Verify {
  const { clock, shelf, maxWait, keyOf } = parts
  const tokens = createCache<Verification, Kept>({ clock, entries: parts.entries })

  function find(opened: Opened, urls: readonly string[], setOf: (one: Shelf) => KeySet | undefined) {
    for (const url of urls) {
      const same = setOf(shelf(url))?.byKid.get(opened.kid)
      // Step 4 of spec 4.8; of several keys of one kid, one that fits (C17).
      const key = same?.find(one => one.use === 'sig' && fits(one, opened.alg))
      if (key !== undefined) return { key, url }
    }
    return undefined
  }

  /** Asks whoever may know; ends with the first set that has the key. */
  async function ask(opened: Opened, urls: readonly string[]): Promise<Found | Verification> {
    const asked = urls.filter(url => shelf(url).worthAsking(opened.kid))
    const { promise: found, resolve } = Promise.withResolvers<Found | undefined>()
    const all = asked.map(async url => {
      await shelf(url).refresh(opened.kid)
      const known = find(opened, urls, one => one.usable())
      if (known !== undefined) resolve(known)
    })
    void Promise.all(all).then(() => resolve(undefined))
    const outcome = await within(found, maxWait, LATE)
    const key = outcome !== undefined && 'key' in outcome ? outcome : find(opened, urls, one => one.last())
    if (key !== undefined) return key
    if (outcome === LATE) return LATE
    const missing = urls.map(shelf).find(one => one.last() === undefined)
    return missing === undefined ? NO_KEY : { kind: 'unavailable', why: `a key set ${missing.fault}` }
  }

  async function verify({ token, urls, algorithms }: TokenQuestion, keep?: (kept: Kept) => void) {
    const opened = openToken(token)
    if (typeof opened === 'string') return refused(opened)
    if (!algorithms.has(opened.alg)) return refused('the algorithm of the token is not allowed')
    const found = find(opened, urls, one => one.usable()) ?? (await ask(opened, urls))
    if ('kind' in found) return found
    if (!(await isSignedBy(token, found.key, opened.alg))) return FORGED
    const { claims } = opened
    keep?.({ ...found, hit: { kind: 'verified', claims, remembered: true } })
    return { kind: 'verified', claims, remembered: false } as const
  }

  function share(question: TokenQuestion): Verification | Promise<Verification> {
    const { token, urls, algorithms } = question
    if (token.length > LARGEST) return verify(question)
    const id = keyOf([token, [...urls], [...algorithms]])
    const kept = tokens.get(id)
    if (kept !== undefined) {
      // A key that left its set takes its tokens with it (C16).
      if (shelf(kept.url).usable()?.members.has(kept.key) === true) return kept.hit
      tokens.evict(id)
    }
    let made: Kept | undefined
    const keep = (found: Kept): void => {
      made = found
    }
    return tokens.ask(id, {
      ask: () => verify(question, keep),
      keep: () => (made === undefined ? undefined : { value: made, ttl: lifetime(made, clock) }),
    }).answer
  }

  return question => {
    const answer = share(question)
    if (!(answer instanceof Promise)) return answer
    return within(answer, between(clock.now(), question.deadline), LATE)
  }
}

/** Until `exp`; whoever asks looks at the time itself. */
function lifetime({ hit }: Kept, clock: Clock): Millis {
  const exp = hit.kind === 'verified' ? member(hit.claims, 'exp') : undefined
  const left = typeof exp === 'number' && exp !== 0 ? exp * 1000 - clock.wall() : LONGEST
  return millis(Math.min(left, LONGEST))
}
