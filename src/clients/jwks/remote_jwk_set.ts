/** clients/keys_shelf — the set of one URL: fresh, refreshed in the background, asked for an unknown kid, kept while its host is down. Knows no algorithm. */
import { between, type Clock, type Instant, later, type Millis, millis } from '../../lib/time.ts'
import { type Key, parseKeys } from './document.ts'
import type { KeySource } from './source.ts'

export interface KeyTimes {
  /** `jwks_ttl`: how long a set is fresh. A key that was removed stops working after at most twice this (C16). */
  readonly ttl: Millis
  /** `jwks_max_wait`: longest time that a request waits for a set. */
  readonly maxWait: Millis
}

/** What went wrong with a set, for the log. Both texts are without credentials. */
export interface KeyProblem {
  readonly source: string
  readonly problem: string
}

/** All keys of a set, as it was at one time. */
export interface KeySet {
  readonly keys: readonly Key[]
  readonly members: ReadonlySet<Key>
  readonly byKid: ReadonlyMap<string, readonly Key[]>
  /** Its file can be read by every user of the machine (I8). */
  readonly open: boolean
}

export interface Shelf {
  /** The set, if it may be used without waiting; an ageing one is refreshed in the background. */
  usable(): KeySet | undefined
  /** The last good set, however the host is, until it is an hour old (C17). */
  last(): KeySet | undefined
  /** Whether asking the host now could bring this kid; at most one question a while for all unknown ones (C15). */
  worthAsking(kid: string): boolean
  /** Asks, or joins who asks already; not again right after a failure. Never rejects. */
  refresh(kid?: string): Promise<KeySet | undefined>
  /** What the last try ended with; empty when it was good. */
  readonly fault: string
}

/** No second question for unknown kids, ms. */
const COOL_DOWN = millis(5_000)
/** No second try after a failure, ms. */
const RETRY = millis(1_000)
/** How long a kid counts as unknown, ms; a refresh for another reason may still bring it. */
const UNKNOWN = millis(30_000)
const MOST_UNKNOWN = 1_000
/** Access tokens hardly live longer; with them ends the use of keys that nobody can confirm any more, ms. */
const LONGEST = millis(3_600_000)

export function createShelf(
  source: KeySource,
  times: KeyTimes,
  clock: Clock,
  report: (problem: KeyProblem) => void,
): Shelf {
  let set: KeySet | undefined
  let loadedAt = clock.now()
  let failedAt: Instant | undefined
  let probedAt: Instant | undefined
  let fault = ''
  let flight: Promise<KeySet | undefined> | undefined
  const unknown = new Map<string, Instant>()

  const since = (at: Instant): Millis => between(at, clock.now())
  const resting = (): boolean => failedAt !== undefined && since(failedAt) < RETRY

  async function load(): Promise<KeySet | undefined> {
    const outcome = await source.read()
    if (outcome.kind === 'fault') return failed(outcome.fault)
    const keys = parseKeys(outcome.text, set?.keys ?? [])
    if (keys === undefined) return failed('is not a JWK set')
    // An identity provider without keys is a broken one; keys that matter are replaced, not just removed (C17).
    if (keys.length === 0 && (set?.keys.length ?? 0) > 0) return failed('is empty')
    set = setOf(keys, outcome.open)
    loadedAt = clock.now()
    failedAt = undefined
    fault = ''
    return set
  }

  function failed(why: string): undefined {
    failedAt = clock.now()
    fault = why
    report({ source: source.name, problem: why })
    return undefined
  }

  function refresh(kid?: string): Promise<KeySet | undefined> {
    // A load that was due anyway is no question for an unknown kid.
    if (kid !== undefined && set !== undefined && since(loadedAt) < times.ttl) probedAt = clock.now()
    if (flight === undefined && resting()) return Promise.resolve(undefined)
    flight ??= load()
      // Many wait for one flight, and not all of them to its end: it must not reject.
      .catch(() => failed('could not be read'))
      .finally(() => {
        flight = undefined
      })
    if (kid === undefined) return flight
    return flight.then(loaded => {
      if (loaded !== undefined && !loaded.byKid.has(kid)) remember(kid)
      return loaded
    })
  }

  function remember(kid: string): void {
    unknown.delete(kid)
    unknown.set(kid, later(clock.now(), UNKNOWN))
    if (unknown.size > MOST_UNKNOWN) unknown.delete(unknown.keys().next().value as string)
  }

  function last(): KeySet | undefined {
    return set !== undefined && (source.constant || since(loadedAt) < LONGEST) ? set : undefined
  }

  function usable(): KeySet | undefined {
    const age = since(loadedAt)
    if (set === undefined || source.constant || age < times.ttl) return set
    if (age >= LONGEST) return undefined
    // While the host is down nobody waits for it again and again.
    const down = failedAt !== undefined && since(failedAt) < Math.max(2 * times.ttl, RETRY)
    if (age >= 2 * times.ttl && !down) return undefined
    if (!resting()) void refresh()
    return set
  }

  return {
    usable,
    last,
    refresh,
    worthAsking(kid) {
      if (flight !== undefined) return true
      if (resting()) return false
      if (set === undefined) return true
      if (source.constant) return false
      if (since(loadedAt) >= times.ttl) return true
      const until = unknown.get(kid)
      if (until !== undefined && until > clock.now()) return false
      return probedAt === undefined || since(probedAt) >= COOL_DOWN
    },
    get fault() {
      return fault
    },
  }
}

function setOf(keys: readonly Key[], open: boolean): KeySet {
  const byKid = new Map<string, Key[]>()
  for (const key of keys) {
    const same = byKid.get(key.kid)
    if (same === undefined) byKid.set(key.kid, [key])
    else same.push(key)
  }
  return { keys, members: new Set(keys), byKid, open }
}
