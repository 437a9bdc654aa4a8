/** clients/keys_shelf — the set of one URL: fresh, refreshed in the background, asked for an unknown kid, kept while its host is down. Knows no algorithm. */
import { type Clock, type Instant, type Millis, millis, millisBetween, plusMillis } from '../../lib/time.ts'
import { type ParsedJwk, parseJwkSet } from './document.ts'
import type { JwksSource } from './source.ts'

export interface JwksOptions {
  /** `jwks_ttl`: how long a set is fresh. A key that was removed stops working after at most twice this (C16). */
  readonly ttl: Millis
  /** `jwks_max_wait`: longest time that a request waits for a set. */
  readonly maxWait: Millis
}

/** What went wrong with a set, for the log. Both texts are without credentials. */
export interface JwksProblem {
  readonly source: string
  readonly problem: string
}

/** All keys of a set, as it was at one time. */
export interface KeySet {
  readonly keys: readonly ParsedJwk[]
  readonly members: ReadonlySet<ParsedJwk>
  readonly byKid: ReadonlyMap<string, readonly ParsedJwk[]>
  /** Its file can be read by every user of the machine (I8). */
  readonly isWorldReadable: boolean
}

export interface RemoteJwkSet {
  /** The set, if it may be used without waiting; an ageing one is refreshed in the background. */
  usable(): KeySet | undefined
  /** The last good set, however the host is, until it is an hour old (C17). */
  lastGood(): KeySet | undefined
  /** Whether asking the host now could bring this kid; at most one question a while for all unknown ones (C15). */
  shouldRefreshFor(kid: string): boolean
  /** Asks, or joins who asks already; not again right after a failure. Never rejects. */
  refresh(kid?: string): Promise<KeySet | undefined>
  /** What the last try ended with; empty when it was good. */
  readonly lastError: string
}

/** No second question for unknown kids, ms. */
const UNKNOWN_KID_COOLDOWN_MS = millis(5_000)
/** No second try after a failure, ms. */
const RETRY_DELAY_MS = millis(1_000)
/** How long a kid counts as unknown, ms; a refresh for another reason may still bring it. */
const UNKNOWN_KID_TTL_MS = millis(30_000)
const MAX_UNKNOWN_KIDS = 1_000
/** Access tokens hardly live longer; with them ends the use of keys that nobody can confirm any more, ms. */
const MAX_STALE_MS = millis(3_600_000)

export function createRemoteJwkSet(
  source: JwksSource,
  options: JwksOptions,
  clock: Clock,
  onProblem: (problem: JwksProblem) => void,
): RemoteJwkSet {
  let set: KeySet | undefined
  let loadedAt = clock.now()
  let failedAt: Instant | undefined
  let unknownKidAskedAt: Instant | undefined
  let lastError = ''
  let inFlight: Promise<KeySet | undefined> | undefined
  const unknownKids = new Map<string, Instant>()

  const elapsedSince = (at: Instant): Millis => millisBetween(at, clock.now())
  const isBackingOff = (): boolean => failedAt !== undefined && elapsedSince(failedAt) < RETRY_DELAY_MS

  async function load(): Promise<KeySet | undefined> {
    const outcome = await source.read()
    if (outcome.kind === 'fault') return recordFailure(outcome.reason)
    const keys = parseJwkSet(outcome.text, set?.keys ?? [])
    if (keys === undefined) return recordFailure('is not a JWK set')
    // An identity provider without keys is a broken one; keys that matter are replaced, not just removed (C17).
    if (keys.length === 0 && (set?.keys.length ?? 0) > 0) return recordFailure('is empty')
    set = createKeySet(keys, outcome.isWorldReadable)
    loadedAt = clock.now()
    failedAt = undefined
    lastError = ''
    return set
  }

  function recordFailure(reason: string): undefined {
    failedAt = clock.now()
    lastError = reason
    onProblem({ source: source.name, problem: reason })
    return undefined
  }

  function refresh(kid?: string): Promise<KeySet | undefined> {
    // A load that was due anyway is no question for an unknown kid.
    if (kid !== undefined && set !== undefined && elapsedSince(loadedAt) < options.ttl)
      unknownKidAskedAt = clock.now()
    if (inFlight === undefined && isBackingOff()) return Promise.resolve(undefined)
    inFlight ??= load()
      // Many wait for one flight, and not all of them to its end: it must not reject.
      .catch(() => recordFailure('could not be read'))
      .finally(() => {
        inFlight = undefined
      })
    if (kid === undefined) return inFlight
    return inFlight.then(loaded => {
      if (loaded !== undefined && !loaded.byKid.has(kid)) addUnknownKid(kid)
      return loaded
    })
  }

  function addUnknownKid(kid: string): void {
    unknownKids.delete(kid)
    unknownKids.set(kid, plusMillis(clock.now(), UNKNOWN_KID_TTL_MS))
    if (unknownKids.size > MAX_UNKNOWN_KIDS) unknownKids.delete(unknownKids.keys().next().value as string)
  }

  function lastGood(): KeySet | undefined {
    return set !== undefined && (source.isImmutable || elapsedSince(loadedAt) < MAX_STALE_MS)
      ? set
      : undefined
  }

  function usable(): KeySet | undefined {
    const age = elapsedSince(loadedAt)
    if (set === undefined || source.isImmutable || age < options.ttl) return set
    if (age >= MAX_STALE_MS) return undefined
    // While the host is down nobody waits for it again and again.
    const isSourceDown =
      failedAt !== undefined && elapsedSince(failedAt) < Math.max(2 * options.ttl, RETRY_DELAY_MS)
    if (age >= 2 * options.ttl && !isSourceDown) return undefined
    if (!isBackingOff()) void refresh()
    return set
  }

  return {
    usable,
    lastGood,
    refresh,
    shouldRefreshFor(kid) {
      if (inFlight !== undefined) return true
      if (isBackingOff()) return false
      if (set === undefined) return true
      if (source.isImmutable) return false
      if (elapsedSince(loadedAt) >= options.ttl) return true
      const until = unknownKids.get(kid)
      if (until !== undefined && until > clock.now()) return false
      return unknownKidAskedAt === undefined || elapsedSince(unknownKidAskedAt) >= UNKNOWN_KID_COOLDOWN_MS
    },
    get lastError() {
      return lastError
    },
  }
}

function createKeySet(keys: readonly ParsedJwk[], isWorldReadable: boolean): KeySet {
  const byKid = new Map<string, ParsedJwk[]>()
  for (const key of keys) {
    const sameKid = byKid.get(key.kid)
    if (sameKid === undefined) byKid.set(key.kid, [key])
    else sameKid.push(key)
  }
  return { keys, members: new Set(keys), byKid, isWorldReadable }
}
