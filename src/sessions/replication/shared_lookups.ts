/** Connects lookups to the shared cache: reads results of other replicas and writes new ones. */
import type { Credential } from '../../access/verdict.ts'
import type { KeyHash } from '../../lib/key_hash.ts'
import { type Clock, type Instant, type Millis, millisBetween } from '../../lib/time.ts'
import type { SessionCache, SessionLoadRequest } from '../cache/session_cache.ts'
import type { Finding } from '../types.ts'
import type { SharedCache, SharedCacheKey, SharedSession } from './shared_cache.ts'

export interface SharedLookupsDependencies {
  readonly clock: Clock
  readonly cache: SessionCache
  /** Keyed hash of this process; used if there is no shared cache. */
  readonly keyOf: KeyHash
  readonly sharedCache: SharedCache | undefined
  /** Maximum age of a result on this replica, whatever another replica allows. */
  readonly maxAge: Millis
}

interface Age {
  readonly requestedAt: Instant
}

export interface SharedLookups {
  /** Keyed hashes of the credential alone, the one by the primary key first: a revocation names no endpoint. */
  credentialHashes(value: string): readonly [string, ...string[]]
  /** Prepares a load that starts now. `endpointKey` encodes the endpoint. `maxAge` is that of the rule. */
  startLoad(
    endpointKey: string,
    credential: Credential,
    maxAge: Millis | undefined,
  ): Omit<SessionLoadRequest, 'load'>
  /** A result of another replica that is not too old and not revoked. */
  findShared(endpointKey: string, credential: Credential): Promise<SharedSession | undefined>
  /** The same for a refresh of an entry: only a result that is less than half as old. */
  findNewer(endpointKey: string, credential: Credential, entry: Age): Promise<SharedSession | undefined>
  /** Whether a result of another replica is older than the rule allows. A result of this replica never is. */
  isTooOld(finding: Finding, maxAge: Millis | undefined): boolean
}

export function createSharedLookups(dependencies: SharedLookupsDependencies): SharedLookups {
  const { clock, cache, keyOf, sharedCache } = dependencies
  const credentialHashes =
    sharedCache?.credentialHashes ?? ((value: string) => [keyOf(['credential', value])] as const)

  const sharedCacheKey = (endpointKey: string, { kind, name, value }: Credential): SharedCacheKey => ({
    tuple: [endpointKey, kind, name, value],
    credentialHash: credentialHashes(value)[0],
  })

  const isTooOld = (finding: Finding, maxAge: Millis | undefined): boolean =>
    finding.kind === 'verified' &&
    finding.requestedAt !== undefined &&
    maxAge !== undefined &&
    millisBetween(finding.requestedAt, clock.now()) >= maxAge

  const ageOf = ({ requestedAt }: Age): number => millisBetween(requestedAt, clock.now())

  async function findShared(endpointKey: string, credential: Credential): Promise<SharedSession | undefined> {
    const key = sharedCacheKey(endpointKey, credential)
    const found = await sharedCache?.get(key)
    if (found === undefined || isTooOld(found, dependencies.maxAge)) return undefined
    return cache.isHeldOff({ ...found, credentialHash: key.credentialHash }) ? undefined : found
  }

  return {
    credentialHashes,
    startLoad(endpointKey, credential, maxAge) {
      const requestedAt = clock.now()
      const request = { requestedAt, credentialHash: () => credentialHashes(credential.value)[0], maxAge }
      if (sharedCache === undefined) return request
      const { position } = sharedCache
      return {
        ...request,
        onCached(finding, ttl) {
          const { session, cacheFor } = finding
          if (finding.requestedAt !== undefined) return
          const key = sharedCacheKey(endpointKey, credential)
          sharedCache.put(key, { position, session, cacheFor, requestedAt, ttl })
        },
        onRejected: () => sharedCache.delete(sharedCacheKey(endpointKey, credential)),
      }
    },
    findShared,
    async findNewer(endpointKey, credential, entry) {
      const found = await findShared(endpointKey, credential)
      // The age of a shared result is known to milliseconds only, so "newer" would also be the result of the same call.
      return found !== undefined && 2 * ageOf(found) < ageOf(entry) ? found : undefined
    },
    isTooOld,
  }
}
