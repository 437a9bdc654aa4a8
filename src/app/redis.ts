/** app_redis — what replicas share, opened once a process where Redis is configured. Knows settings and files of certificates, no session. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { parseRedisNode } from '../config/redis_checks.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createCacheCipher } from '../sessions/replication/encryption.ts'
import type { RedisClientOptions } from '../sessions/replication/redis_client.ts'
import { openRedisStore } from '../sessions/replication/redis_store.ts'
import type { RevocationStreamEvent } from '../sessions/replication/revocation_message.ts'
import { type RevocationStream, startRevocationStream } from '../sessions/replication/revocation_stream.ts'
import {
  createSharedCache,
  type SharedCache,
  type SharedCacheOutcome,
} from '../sessions/replication/shared_cache.ts'
import type { SessionVerifier } from '../sessions/verifier.ts'
import type { Config } from './config.ts'
import { StartupError } from './startup_error.ts'

export interface ReplicationDependencies {
  readonly clock: Clock
  readonly onLookup: (outcome: SharedCacheOutcome) => void
  readonly onStreamEvent: (event: RevocationStreamEvent) => void
  /** What the client stumbles over, again and again while it lasts. */
  readonly onRedisError: (code: string) => void
  readonly onError: (error: unknown) => void
}

export interface Replication {
  readonly sharedCache: SharedCache
  /** Begins to listen for these sessions. */
  start(sessions: Pick<SessionVerifier, 'applyRevocation' | 'clear'>): RevocationStream
}

/** Tombstones are kept this long at least, ms: other replicas may have longer lifetimes, before or after a change of settings. */
const MIN_RETENTION_MS = 3_600_000

/** `undefined` where no Redis is configured. Does not wait for it: whatever is down comes when it comes. */
export async function openReplication(
  config: Config,
  parts: ReplicationDependencies,
): Promise<Replication | undefined> {
  if (config.list('sessions.redis.nodes').length === 0) return undefined
  const store = await openRedisStore(
    { ...redisClientOptions(config), onError: parts.onRedisError },
    config.text('sessions.redis.prefix') ?? '',
  )
  const cipher = createCacheCipher(config.list('sessions.redis.keys'))
  let stream: RevocationStream | undefined
  const sharedCache = createSharedCache({
    store,
    cipher,
    revocationStream: () => stream,
    clock: parts.clock,
    timeout: millis(config.number('sessions.redis.timeout')),
    onOutcome: parts.onLookup,
  })
  return {
    sharedCache,
    start(sessions) {
      stream = startRevocationStream({
        store,
        cipher,
        clock: parts.clock,
        origin: randomUUID(),
        retention: millis(Math.max(MIN_RETENTION_MS, 2 * config.number('sessions.cache.ttl'))),
        holdoff: millis(config.number('sessions.revocation.hold')),
        apply: told => sessions.applyRevocation(told).events,
        clear: sessions.clear,
        onEvent: parts.onStreamEvent,
        onError: parts.onError,
      })
      return stream
    },
  }
}

function redisClientOptions(config: Config): Omit<RedisClientOptions, 'onError'> {
  const mode = config.text('sessions.redis.mode') as RedisClientOptions['mode']
  const defaultPort = mode === 'sentinel' ? 26_379 : 6_379
  return {
    mode,
    nodes: config.list('sessions.redis.nodes').flatMap(text => parseRedisNode(text, defaultPort) ?? []),
    master: config.text('sessions.redis.master') ?? '',
    username: config.text('sessions.redis.username'),
    password: config.text('sessions.redis.password'),
    sentinelPassword: config.text('sessions.redis.sentinel_password'),
    database: config.number('sessions.redis.database'),
    tls: config.flag('sessions.redis.tls.enabled') ? redisTlsOptions(config) : undefined,
  }
}

/** Certificates are read once; a new one is in force at the next start. */
function redisTlsOptions(config: Config): ConnectionOptions {
  const file = (name: string) => {
    const path = config.text(`sessions.redis.tls.${name}`)
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch (error) {
      const { code = 'unknown reason' } = error as NodeJS.ErrnoException
      const place = { source: path, line: 0, column: 0, path: `sessions.redis.tls.${name}` }
      const issue = { severity: 'error', ...place, message: `cannot be read (${code})`, hint: '' } as const
      throw new StartupError('a certificate cannot be read', [issue])
    }
  }
  const [ca, cert, key, servername] = [
    file('ca'),
    file('cert'),
    file('key'),
    config.text('sessions.redis.tls.server_name'),
  ]
  return {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  }
}
