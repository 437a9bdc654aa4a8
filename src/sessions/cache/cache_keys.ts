/** Keys of the session cache: unequal endpoints or credentials have unequal keys, and no key reveals a credential. */
import type { Credential } from '../../access/verdict.ts'
import type { HeaderPair } from '../../clients/http/message.ts'
import { encodeKeyPart, type KeyHash } from '../../lib/key_hash.ts'
import type { SessionEndpoint, WhoamiEndpoint } from '../types.ts'

export interface CacheKeys {
  /** The encoded endpoint, and the endpoint as the Kratos client takes it. */
  describe(endpoint: SessionEndpoint): { readonly key: string; readonly whoami: WhoamiEndpoint }
  keyFor(endpoint: SessionEndpoint, credential: Credential): string
}

/** `keyOf`: keyed hash of this process. */
export function createCacheKeys(keyOf: KeyHash): CacheKeys {
  /** Handlers pass the same endpoint object for every request, so each one is encoded once. */
  const described = new WeakMap<SessionEndpoint, ReturnType<CacheKeys['describe']>>()

  function describe(endpoint: SessionEndpoint) {
    let found = described.get(endpoint)
    if (found === undefined) {
      const { whoamiUrl } = endpoint
      const headers = endpoint.headers.map(({ name, value }): HeaderPair => [name, value])
      found = { key: encodeKeyPart([whoamiUrl, headers]), whoami: { whoamiUrl, headers } }
      described.set(endpoint, found)
    }
    return found
  }

  return {
    describe,
    keyFor: (endpoint, { kind, name, value }) => keyOf([describe(endpoint).key, kind, name, value]),
  }
}
