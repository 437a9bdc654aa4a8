/** clients/keys — JWK sets by URL: verifying tokens with them, signing with our own, listing what is public. Keeps sets and tokens for the whole process; knows no rule. */

import { createTupleHash } from '../../lib/key_hash.ts'
import type { Clock } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import type { Send } from '../http/message.ts'
import type { PublicJwk } from './document.ts'
import { createShelf, type KeyProblem, type KeyTimes, type Shelf } from './remote_jwk_set.ts'
import { createIssue, type Issue } from './sign.ts'
import { openSource } from './source.ts'
import { createVerify, type Verify } from './verify.ts'

export interface Keys {
  /** Those in force; what a rule says of them has no effect. */
  readonly times: KeyTimes
  /** At once where the token is remembered. Never rejects, and answers by the deadline. */
  readonly verify: Verify
  /** A token of ours; at once where one is remembered. Never rejects. */
  readonly issue: Issue
  /** Public halves of all keys of these sets (spec 9.1); `undefined` when no set could be had. Never rejects. */
  publicKeys(urls: readonly string[]): Promise<{ readonly keys: readonly PublicJwk[] } | undefined>
}

export interface KeysParts {
  readonly clock: Clock
  /** http(s) and the stores of the clouds alike. */
  readonly fetch: Send
  /** Relative files start here. */
  readonly directory: string
  readonly times: KeyTimes
  /** Of this process; keys what is remembered (C6). */
  readonly secret: Uint8Array
  /** Most verified tokens, and most issued ones, that are remembered. */
  readonly entries: number
  /** For the log: a set that could not be had, a file that is open to all. At most once a second for each set. */
  readonly report: (problem: KeyProblem) => void
}

export function createKeys({ clock, fetch, directory, times, secret, entries, report }: KeysParts): Keys {
  /** By URL; URLs come from configuration only, never from a token. */
  const shelves = new Map<string, Shelf>()
  const keyOf = createTupleHash(secret)
  const { maxWait } = times

  function shelf(url: string): Shelf {
    let one = shelves.get(url)
    if (one === undefined) {
      one = createShelf(openSource(url, { fetch, directory }), times, clock, report)
      shelves.set(url, one)
    }
    return one
  }

  return {
    times,
    verify: createVerify({ clock, shelf, maxWait, keyOf, entries }),
    issue: createIssue({ clock, shelf, maxWait, keyOf, entries, report }),
    async publicKeys(urls) {
      const unique = [...new Set(urls)].map(shelf)
      const loads = unique.map(
        async one => one.usable() ?? (await within(one.refresh(), maxWait, undefined)) ?? one.last(),
      )
      const sets = (await Promise.all(loads)).filter(set => set !== undefined)
      if (sets.length === 0) return undefined
      return { keys: sets.flatMap(set => set.keys.map(key => key.public)).filter(key => key !== undefined) }
    },
  }
}
