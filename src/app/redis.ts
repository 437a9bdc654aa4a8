/** app_redis — what replicas share, opened once a process where Redis is configured. Knows settings and files of certificates, no session. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { readNode } from '../config/redis_checks.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createSeals } from '../sessions/replication/encryption.ts'
import type { LineOptions } from '../sessions/replication/redis_client.ts'
import { openBus } from '../sessions/replication/redis_store.ts'
import type { BusEvent } from '../sessions/replication/revocation_message.ts'
import { type NewsLine, startNews } from '../sessions/replication/revocation_stream.ts'
import {
  createSharedShelf,
  type SharedShelf,
  type ShelfOutcome,
} from '../sessions/replication/shared_cache.ts'
import type { Sessions } from '../sessions/verifier.ts'
import type { Config } from './config.ts'
import { StartFault } from './startup_error.ts'

export interface SharedParts {
  readonly clock: Clock
  readonly looked: (outcome: ShelfOutcome) => void
  readonly happened: (event: BusEvent) => void
  /** What the client stumbles over, again and again while it lasts. */
  readonly trouble: (code: string) => void
  readonly accident: (error: unknown) => void
}

export interface Shared {
  readonly shelf: SharedShelf
  /** Begins to listen for these sessions. */
  listen(sessions: Pick<Sessions, 'hear' | 'clear'>): NewsLine
}

/** Tombstones are kept this long at least, ms: other replicas may have longer lifetimes, before or after a change of settings. */
const LEAST_KEPT = 3_600_000

/** `undefined` where no Redis is configured. Does not wait for it: whatever is down comes when it comes. */
export async function openShared(config: Config, parts: SharedParts): Promise<Shared | undefined> {
  if (config.list('sessions.redis.nodes').length === 0) return undefined
  const bus = await openBus(
    { ...lineOf(config), trouble: parts.trouble },
    config.text('sessions.redis.prefix') ?? '',
  )
  const seals = createSeals(config.list('sessions.redis.keys'))
  let news: NewsLine | undefined
  const shelf = createSharedShelf({
    bus,
    seals,
    news: () => news,
    clock: parts.clock,
    timeout: millis(config.number('sessions.redis.timeout')),
    count: parts.looked,
  })
  return {
    shelf,
    listen(sessions) {
      news = startNews({
        bus,
        seals,
        clock: parts.clock,
        origin: randomUUID(),
        keep: millis(Math.max(LEAST_KEPT, 2 * config.number('sessions.cache.ttl'))),
        hold: millis(config.number('sessions.revocation.hold')),
        hear: told => sessions.hear(told).news,
        clear: sessions.clear,
        report: parts.happened,
        accident: parts.accident,
      })
      return news
    },
  }
}

function lineOf(config: Config): Omit<LineOptions, 'trouble'> {
  const mode = config.text('sessions.redis.mode') as LineOptions['mode']
  const usual = mode === 'sentinel' ? 26_379 : 6_379
  return {
    mode,
    nodes: config.list('sessions.redis.nodes').flatMap(text => readNode(text, usual) ?? []),
    master: config.text('sessions.redis.master') ?? '',
    username: config.text('sessions.redis.username'),
    password: config.text('sessions.redis.password'),
    sentinelPassword: config.text('sessions.redis.sentinel_password'),
    database: config.number('sessions.redis.database'),
    tls: config.flag('sessions.redis.tls.enabled') ? tlsOf(config) : undefined,
  }
}

/** Certificates are read once; a new one is in force at the next start. */
function tlsOf(config: Config): ConnectionOptions {
  const file = (name: string) => {
    const path = config.text(`sessions.redis.tls.${name}`)
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch (error) {
      const { code = 'unknown reason' } = error as NodeJS.ErrnoException
      const place = { source: path, line: 0, column: 0, path: `sessions.redis.tls.${name}` }
      const issue = { severity: 'error', ...place, message: `cannot be read (${code})`, hint: '' } as const
      throw new StartFault('a certificate cannot be read', [issue])
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
