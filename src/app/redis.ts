/** Opens the shared cache and the revocation stream if Redis is configured. */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { Setting } from '../config/setting.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createCacheCipher } from '../sessions/replication/cache_cipher.ts'
import { openRedisStore } from '../sessions/replication/redis_store.ts'
import type { RevocationStreamEvent } from '../sessions/replication/revocation_message.ts'
import { type RevocationStream, startRevocationStream } from '../sessions/replication/revocation_stream.ts'
import { redisClientOptions, redisSettings } from '../sessions/replication/settings.ts'
import {
  createSharedCache,
  type SharedCache,
  type SharedCacheResult,
} from '../sessions/replication/shared_cache.ts'
import { revocationSettings, sessionCacheSettings } from '../sessions/settings.ts'
import type { SessionVerifier } from '../sessions/verifier.ts'
import type { Config } from './config.ts'
import { StartupError } from './startup_error.ts'

export interface ReplicationDependencies {
  readonly clock: Clock
  readonly onLookup: (result: SharedCacheResult) => void
  readonly onStreamEvent: (event: RevocationStreamEvent) => void
  /** Called with an error code, repeatedly while the error lasts. */
  readonly onRedisError: (code: string) => void
  readonly onError: (error: unknown) => void
}

export interface Replication {
  readonly sharedCache: SharedCache
  /** Starts to apply revocations of other replicas to these sessions. */
  start(sessions: Pick<SessionVerifier, 'applyRevocation' | 'clear'>): RevocationStream
}

/** Minimum retention of tombstones in ms. During a change of settings another replica may cache sessions for longer than this one. */
const MIN_RETENTION_MS = 3_600_000

/** `undefined` without Redis. Does not wait for a connection. Throws `StartupError` if a certificate cannot be read. */
export async function openReplication(
  config: Config,
  dependencies: ReplicationDependencies,
): Promise<Replication | undefined> {
  if (config.get(redisSettings.nodes).length === 0) return undefined
  const store = await openRedisStore(
    { ...redisClientOptions(config), tls: redisTlsOptions(config), onError: dependencies.onRedisError },
    config.get(redisSettings.prefix),
  )
  const cipher = createCacheCipher(config.get(redisSettings.keys))
  let stream: RevocationStream | undefined
  const sharedCache = createSharedCache({
    store,
    cipher,
    revocationStream: () => stream,
    clock: dependencies.clock,
    timeout: config.get(redisSettings.timeout),
    onResult: dependencies.onLookup,
  })
  return {
    sharedCache,
    start(sessions) {
      stream = startRevocationStream({
        store,
        cipher,
        clock: dependencies.clock,
        origin: randomUUID(),
        retention: millis(Math.max(MIN_RETENTION_MS, 2 * config.get(sessionCacheSettings.ttl))),
        holdoff: config.get(revocationSettings.holdoff),
        apply: event => sessions.applyRevocation(event).events,
        clear: sessions.clear,
        onEvent: dependencies.onStreamEvent,
        onError: dependencies.onError,
      })
      return stream
    },
  }
}

/** Certificates are read once. A new one takes effect at the next start. */
function redisTlsOptions(config: Config): ConnectionOptions | undefined {
  if (!config.get(redisSettings.tlsEnabled)) return undefined
  const file = (setting: Setting<string | undefined>) => {
    const path = config.get(setting)
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch (error) {
      const { code = 'unknown reason' } = error as NodeJS.ErrnoException
      const position = { source: path, line: 0, column: 0, path: setting.path }
      const problem = {
        severity: 'error',
        ...position,
        message: `cannot be read (${code})`,
        hint: '',
      } as const
      throw new StartupError('a certificate cannot be read', [problem])
    }
  }
  const [ca, cert, key, servername] = [
    file(redisSettings.tlsCa),
    file(redisSettings.tlsCert),
    file(redisSettings.tlsKey),
    config.get(redisSettings.tlsServerName),
  ]
  return {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  }
}
