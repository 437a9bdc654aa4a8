/** app_services — what handlers may ask of the world, opened once a process. Knows the windows and the memory, no socket of our own. */
import { randomBytes } from 'node:crypto'
import { createHttpClient } from '../clients/http/client.ts'
import type { Send } from '../clients/http/message.ts'
import { createProxyResolver } from '../clients/http/proxy.ts'
import { createJwksClient } from '../clients/jwks/keys.ts'
import type { JwksProblem } from '../clients/jwks/remote_jwk_set.ts'
import { createOAuth2Client } from '../clients/oauth2/client.ts'
import { createObjectStoreClient, withObjectStores } from '../clients/objects/client.ts'
import type { Services } from '../handlers/services.ts'
import { createKeyHash } from '../lib/key_hash.ts'
import { createNamedCaches } from '../lib/named_caches.ts'
import type { Clock } from '../lib/time.ts'
import type { SharedCache } from '../sessions/replication/shared_cache.ts'
import type { Config } from './config.ts'
import { jwksTimingOf } from './options.ts'
import { createVerifierFromConfig, type SessionsReporter } from './sessions.ts'

export interface ClientsDependencies {
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** Most connections to one origin. */
  readonly maxConnectionsPerOrigin?: number
  /** Around each way out: counts and spans. */
  readonly instrument?: (send: Send) => Send
}

/** The ways out of the house, until they are closed. */
export function createClients({
  clock,
  env,
  maxConnectionsPerOrigin,
  instrument = send => send,
}: ClientsDependencies) {
  const resolveProxy = createProxyResolver(env)
  const http = createHttpClient({
    clock,
    resolveProxy,
    ...(maxConnectionsPerOrigin === undefined ? {} : { maxConnectionsPerOrigin }),
  })
  const objects = createObjectStoreClient(env)
  return {
    /** What handlers call: http(s) only. */
    send: instrument(http.send),
    /** Of rules and keys: the stores of the clouds, too. */
    fetch: instrument(withObjectStores(http.send, objects.send)),
    async close() {
      objects.close()
      await http.close()
    },
  }
}

export interface ServicesDependencies {
  readonly config: Config
  /** http(s) only: what handlers call. */
  readonly send: Send
  /** The stores of the clouds, too: where key sets may be. */
  readonly fetch: Send
  readonly clock: Clock
  readonly onKeyProblem: (problem: JwksProblem) => void
  /** What becomes of Kratos; nobody hears of it unless given. */
  readonly sessionsReport?: SessionsReporter
  /** What other replicas know; nothing is shared unless given. */
  readonly sharedCache?: SharedCache | undefined
}

/** What handlers may ask of the world. Lives as long as the process: reloads keep what is remembered. */
export function createServices({
  config,
  send,
  fetch,
  clock,
  onKeyProblem,
  sessionsReport = NO_REPORT,
  sharedCache,
}: ServicesDependencies) {
  const sessions = createVerifierFromConfig(config, send, clock, sessionsReport, sharedCache)
  const maxEntries = config.number('sessions.cache.max_entries')
  const services: Services = {
    clock,
    send,
    kratos: sessions,
    jwks: createJwksClient({
      clock,
      fetch,
      directory: process.cwd(),
      options: jwksTimingOf(config),
      secret: randomBytes(32),
      maxEntries,
      onProblem: onKeyProblem,
    }),
    oauth2: createOAuth2Client({ clock, send, secret: randomBytes(32), maxEntries }),
    getCache: createNamedCaches({ clock, maxEntries }),
    reportEmptySubject: createEmptySubjectReporter(sessionsReport),
    cacheKey: createKeyHash(randomBytes(32)),
  }
  return { services, sessions }
}

/** Counts each time; says it once of each endpoint, since what it says will not change. */
export function createEmptySubjectReporter({
  onEvent: tell,
  warn,
}: SessionsReporter): Services['reportEmptySubject'] {
  const warnedEndpoints = new Set<string>()
  return endpoint => {
    tell({ kind: 'subjectless' })
    if (warnedEndpoints.has(endpoint)) return
    warnedEndpoints.add(endpoint)
    warn(
      endpoint,
      'answered 200 without a subject, which lets in whom nobody knows; require_subject: true refuses that',
    )
  }
}

const NO_REPORT: SessionsReporter = { onEvent: () => {}, warn: () => {} }
