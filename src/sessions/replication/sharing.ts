/** sessions/sharing — a look-up as other replicas see it: what it leaves for them, and what they may have left for it. Knows memory and the shared shelf, no Kratos. */
import type { Credential } from '../../access/verdict.ts'
import type { KeyHash } from '../../lib/key_hash.ts'
import { type Clock, type Millis, millisBetween } from '../../lib/time.ts'
import type { SessionCache, SessionLoadRequest } from '../cache/session_cache.ts'
import type { Finding } from '../types.ts'
import type { SharedCache, SharedCacheKey, SharedSession } from './shared_cache.ts'

export interface SharedLookupsDependencies {
  readonly clock: Clock
  readonly cache: SessionCache
  /** Names what is known to this process only. */
  readonly keyOf: KeyHash
  /** Absent where nothing is shared. */
  readonly sharedCache: SharedCache | undefined
  /** Longest time that an answer is believed here, whatever others believe. */
  readonly maxAge: Millis
}

export interface SharedLookups {
  /** Of a credential alone, our own first: whoever revokes it knows no endpoint. */
  credentialHashes(value: string): readonly [string, ...string[]]
  /** What memory must know of a look-up that begins now. `where` spells out the endpoint. */
  startLoad(
    where: string,
    credential: Credential,
    maxAge: Millis | undefined,
  ): Omit<SessionLoadRequest, 'load'>
  /** What another replica learnt not too long ago, and was not told against since. */
  findShared(where: string, credential: Credential): Promise<SharedSession | undefined>
  /** Only what another replica asked has an age when it arrives. */
  isTooOld(finding: Finding, maxAge: Millis | undefined): boolean
}

export function createSharedLookups({
  clock,
  cache,
  keyOf,
  sharedCache,
  maxAge: ceiling,
}: SharedLookupsDependencies): SharedLookups {
  const credentialHashes =
    sharedCache?.credentialHashes ?? ((value: string) => [keyOf(['credential', value])] as const)

  const sharedCacheKey = (endpointKey: string, { kind, name, value }: Credential): SharedCacheKey => ({
    tuple: [endpointKey, kind, name, value],
    credentialHash: credentialHashes(value)[0],
  })

  const isTooOld = (finding: Finding, maxAge: Millis | undefined): boolean =>
    finding.kind === 'verified' &&
    finding.askedAt !== undefined &&
    maxAge !== undefined &&
    millisBetween(finding.askedAt, clock.now()) >= maxAge

  return {
    credentialHashes,
    startLoad(where, credential, maxAge) {
      const askedAt = clock.now()
      const about = { askedAt, credentialHash: () => credentialHashes(credential.value)[0], maxAge }
      if (sharedCache === undefined) return about
      const { position } = sharedCache
      return {
        ...about,
        onCached(finding, ttl) {
          const { session, cacheFor } = finding
          if (finding.askedAt !== undefined) return
          sharedCache.put(sharedCacheKey(where, credential), { position, session, cacheFor, askedAt, ttl })
        },
        onRejected: () => sharedCache.delete(sharedCacheKey(where, credential)),
      }
    },
    async findShared(where, credential) {
      const question = sharedCacheKey(where, credential)
      const found = await sharedCache?.get(question)
      if (found === undefined || isTooOld(found, ceiling)) return undefined
      return cache.isHeldOff({ ...found, credentialHash: question.credentialHash }) ? undefined : found
    },
    isTooOld,
  }
}
