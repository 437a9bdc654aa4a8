/** clients/keys — JWK sets by URL: verifying tokens with them, signing with our own, listing what is public. Keeps sets and tokens for the whole process; knows no rule. */

import { createKeyHash } from '../../lib/key_hash.ts'
import type { Clock } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { Send } from '../http/message.ts'
import type { PublicJwk } from './document.ts'
import {
  createRemoteJwkSet,
  type JwksOptions,
  type JwksProblem,
  type RemoteJwkSet,
} from './remote_jwk_set.ts'
import { createTokenIssuer, type IssueToken } from './sign.ts'
import { createJwksSource } from './source.ts'
import { createTokenVerifier, type VerifyToken } from './verify.ts'

export interface JwksClient {
  /** Those in force; what a rule says of them has no effect. */
  readonly options: JwksOptions
  /** At once where the token is remembered. Never rejects, and answers by the deadline. */
  readonly verify: VerifyToken
  /** A token of ours; at once where one is remembered. Never rejects. */
  readonly issue: IssueToken
  /** Public halves of all keys of these sets (spec 9.1); `undefined` when no set could be had. Never rejects. */
  publicKeys(urls: readonly string[]): Promise<{ readonly keys: readonly PublicJwk[] } | undefined>
}

export interface JwksClientDependencies {
  readonly clock: Clock
  /** http(s) and the stores of the clouds alike. */
  readonly fetch: Send
  /** Relative files start here. */
  readonly directory: string
  readonly options: JwksOptions
  /** Of this process; keys what is remembered (C6). */
  readonly secret: Uint8Array
  /** Most verified tokens, and most issued ones, that are remembered. */
  readonly maxEntries: number
  /** For the log: a set that could not be had, a file that is open to all. At most once a second for each set. */
  readonly onProblem: (problem: JwksProblem) => void
}

export function createJwksClient({
  clock,
  fetch,
  directory,
  options,
  secret,
  maxEntries,
  onProblem,
}: JwksClientDependencies): JwksClient {
  /** By URL; URLs come from configuration only, never from a token. */
  const remoteSets = new Map<string, RemoteJwkSet>()
  const cacheKey = createKeyHash(secret)
  const { maxWait } = options

  function remoteSet(url: string): RemoteJwkSet {
    let one = remoteSets.get(url)
    if (one === undefined) {
      one = createRemoteJwkSet(createJwksSource(url, { fetch, directory }), options, clock, onProblem)
      remoteSets.set(url, one)
    }
    return one
  }

  return {
    options,
    verify: createTokenVerifier({ clock, remoteSet, maxWait, cacheKey, maxEntries }),
    issue: createTokenIssuer({ clock, remoteSet, maxWait, cacheKey, maxEntries, onProblem }),
    async publicKeys(urls) {
      const unique = [...new Set(urls)].map(remoteSet)
      const loads = unique.map(
        async one => one.usable() ?? (await withTimeout(one.refresh(), maxWait, undefined)) ?? one.lastGood(),
      )
      const sets = (await Promise.all(loads)).filter(set => set !== undefined)
      if (sets.length === 0) return undefined
      return {
        keys: sets.flatMap(set => set.keys.map(key => key.publicJwk)).filter(key => key !== undefined),
      }
    },
  }
}
