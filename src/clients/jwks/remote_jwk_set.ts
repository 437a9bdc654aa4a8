/**
 * The key set of one URL: refreshed in the background, reloaded for an unknown kid, and used stale during an
 * outage of its host.
 */
import { type Clock, type Instant, type Millis, millis, millisBetween, plusMillis } from '../../lib/time.ts'
import { type ParsedJwk, parseJwkSet } from './document.ts'
import type { JwksSource } from './source.ts'

/** Options of all key sets. */
export interface JwksOptions {
  /**
   * `jwks_ttl`: freshness lifetime of a set. A key removed from a reachable set stops working after at most
   * twice this time.
   */
  readonly ttl: Millis
  /** `jwks_max_wait`: maximum time that a request waits for a set. */
  readonly maxWait: Millis
}

/** A problem with a key set, for the log. Both texts contain no credentials. */
export interface JwksProblem {
  readonly source: string
  readonly problem: string
}

/** An immutable snapshot of a key set. */
export interface KeySet {
  readonly keys: readonly ParsedJwk[]
  readonly members: ReadonlySet<ParsedJwk>
  readonly byKid: ReadonlyMap<string, readonly ParsedJwk[]>
  /** Every user of the machine can read its file. */
  readonly isWorldReadable: boolean
}

/** A key set with its cache. */
export interface RemoteJwkSet {
  /** The set if it may be used without waiting. A stale one also starts a background refresh. */
  usable(): KeySet | undefined
  /** The last successfully loaded set, up to an hour old, regardless of the state of its host. */
  lastGood(): KeySet | undefined
  /**
   * Whether a refresh could bring this kid. Unknown kids share one cooldown, so that invented kids cannot
   * flood the host.
   */
  shouldRefreshFor(kid: string): boolean
  /**
   * Loads the set, or joins a load in flight. Resolves to `undefined` after a failure and during the delay
   * that follows one. Never rejects.
   */
  refresh(kid?: string): Promise<KeySet | undefined>
  /** The error of the last load; empty if it succeeded. */
  readonly lastError: string
}

/** Minimum time between two refreshes for unknown kids. */
const UNKNOWN_KID_COOLDOWN_MS = millis(5_000)
/** Minimum time between a failure and the next load. */
const RETRY_DELAY_MS = millis(1_000)
/** Time for which a kid triggers no further refresh. A refresh for another reason may still bring it. */
const UNKNOWN_KID_TTL_MS = millis(30_000)
const MAX_UNKNOWN_KIDS = 1_000
/** Limit for using a set that cannot be refreshed. Access tokens rarely live longer. */
const MAX_STALE_MS = millis(3_600_000)

/** Returns a set that loads with its first use. */
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
    // An empty set indicates a broken identity provider. Providers replace keys; they do not remove all of
    // them.
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
    // A load that was due anyway does not start the cooldown of unknown kids.
    if (kid !== undefined && set !== undefined && elapsedSince(loadedAt) < options.ttl)
      unknownKidAskedAt = clock.now()
    if (inFlight === undefined && isBackingOff()) return Promise.resolve(undefined)
    inFlight ??= load()
      // Waiters that time out would leave a rejection unhandled.
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
    // During an outage requests use the stale set instead of waiting for each attempt.
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
