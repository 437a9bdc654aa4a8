/**
 * JWKS client: verifies tokens with remote key sets, issues tokens with local signing keys, and lists public
 * keys.
 */

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
  /** Options of the service configuration. The values of a rule have no effect. */
  readonly options: JwksOptions
  /** Synchronous on a cache hit. Never rejects, and resolves by the deadline. */
  readonly verify: VerifyToken
  /** Synchronous on a cache hit. Never rejects. */
  readonly issue: IssueToken
  /** Public halves of all keys of these sets. `undefined`: no set could be loaded. Never rejects. */
  publicKeys(urls: readonly string[]): Promise<{ readonly keys: readonly PublicJwk[] } | undefined>
}

export interface JwksClientDependencies {
  readonly clock: Clock
  /** Reads http and https URLs and those of object stores. */
  readonly fetch: Send
  /** Base of relative `file:` URLs. */
  readonly directory: string
  readonly options: JwksOptions
  /** Key of the hash that forms cache keys, unique to this process, so that no cache key reveals a token. */
  readonly secret: Uint8Array
  /** Capacity of the cache of verified tokens, and of the cache of issued ones. */
  readonly maxEntries: number
  /** Estimated size of each of the two caches in bytes. */
  readonly maxBytes: number
  /**
   * Called for a set that cannot be loaded and for a signing key in a world-readable file. At most once a
   * second for each set.
   */
  readonly onProblem: (problem: JwksProblem) => void
}

/** Returns a client without key sets; each set loads with its first use and stays for the process. */
export function createJwksClient({
  clock,
  fetch,
  directory,
  options,
  secret,
  maxEntries,
  maxBytes,
  onProblem,
}: JwksClientDependencies): JwksClient {
  /** By URL. The map needs no bound, because URLs come from configuration only, never from a token. */
  const remoteSets = new Map<string, RemoteJwkSet>()
  const cacheKey = createKeyHash(secret)
  const { maxWait } = options

  function remoteSet(url: string): RemoteJwkSet {
    let set = remoteSets.get(url)
    if (set === undefined) {
      set = createRemoteJwkSet(createJwksSource(url, { fetch, directory }), options, clock, onProblem)
      remoteSets.set(url, set)
    }
    return set
  }

  return {
    options,
    verify: createTokenVerifier({ clock, remoteSet, maxWait, cacheKey, maxEntries, maxBytes }),
    issue: createTokenIssuer({ clock, remoteSet, maxWait, cacheKey, maxEntries, maxBytes, onProblem }),
    async publicKeys(urls) {
      const unique = [...new Set(urls)].map(remoteSet)
      const loads = unique.map(
        async remote =>
          remote.usable() ?? (await withTimeout(remote.refresh(), maxWait, undefined)) ?? remote.lastGood(),
      )
      const sets = (await Promise.all(loads)).filter(set => set !== undefined)
      if (sets.length === 0) return undefined
      return {
        keys: sets.flatMap(set => set.keys.map(key => key.publicJwk)).filter(key => key !== undefined),
      }
    },
  }
}
