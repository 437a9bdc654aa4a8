/** Creates the outbound clients and the services of handlers, once for each process. */

import { randomBytes } from 'node:crypto'
import { guardSend } from '../clients/guarded_send.ts'
import { createHttpClient } from '../clients/http/client.ts'
import type { Send } from '../clients/http/message.ts'
import { createProxyResolver } from '../clients/http/proxy.ts'
import { createJwksClient } from '../clients/jwks/client.ts'
import type { JwksProblem } from '../clients/jwks/remote_jwk_set.ts'
import { createOAuth2Client } from '../clients/oauth2/client.ts'
import { createObjectStoreClient, withObjectStores } from '../clients/objects/client.ts'
import { responseCacheSettings } from '../clients/settings.ts'
import { readJwksOptions } from '../handlers/authenticators/jwt.ts'
import type { Services } from '../handlers/services.ts'
import { createKeyHash } from '../lib/key_hash.ts'
import { createNamedCaches } from '../lib/named_caches.ts'
import type { Clock } from '../lib/time.ts'
import type { SharedCache } from '../sessions/replication/shared_cache.ts'
import { kratosSettings, sessionCacheSettings } from '../sessions/settings.ts'
import type { Config } from './config.ts'
import { createVerifierFromConfig, type SessionsReporter } from './sessions.ts'

export interface ClientsDependencies {
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** Default: that of the HTTP client. */
  readonly maxConnectionsPerOrigin?: number
  /** Wraps outgoing calls, for metrics and spans. */
  readonly instrument?: (send: Send) => Send
}

/** Returns the outbound clients. `close` ends their connections. */
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
    /** For handlers: http and https only. */
    send: instrument(http.send),
    /** For rule repositories and key sets: object stores as well. */
    fetch: instrument(withObjectStores(http.send, objects.send)),
    async close() {
      objects.close()
      await http.close()
    },
  }
}

export interface ServicesDependencies {
  readonly config: Config
  /** Calls of handlers: http and https only. */
  readonly send: Send
  /** Fetches key sets: object stores as well. */
  readonly fetch: Send
  readonly clock: Clock
  readonly onKeyProblem: (problem: JwksProblem) => void
  /** Receives events and warnings about sessions. Default: none are reported. */
  readonly sessionsReport?: SessionsReporter
  /** Cache that replicas share. Default: none. */
  readonly sharedCache?: SharedCache | undefined
}

/**
 * Returns the services of handlers and the session verifier. They live as long as the process, so reloads
 * keep the caches.
 */
export function createServices({
  config,
  send: plainSend,
  fetch,
  clock,
  onKeyProblem,
  sessionsReport = NO_REPORT,
  sharedCache,
}: ServicesDependencies) {
  const sessions = createVerifierFromConfig(config, plainSend, clock, sessionsReport, sharedCache)
  const maxConcurrentCalls = config.get(kratosSettings.maxConcurrentRequests)
  const send = guardSend({
    clock,
    send: plainSend,
    random: Math.random,
    maxConcurrentCalls,
    negativeCacheTtl: config.get(responseCacheSettings.negativeTtl),
    onShed: (target, reason) => sessionsReport.onEvent({ kind: 'outgoing_shed', target, reason }),
  })
  const maxEntries = config.get(sessionCacheSettings.maxEntries)
  const maxBytes = config.get(responseCacheSettings.maxBytes)
  const services: Services = {
    clock,
    send,
    kratos: sessions,
    jwks: createJwksClient({
      clock,
      fetch,
      directory: process.cwd(),
      options: readJwksOptions(config.handlers.authenticator.get('jwt')?.config),
      secret: randomBytes(32),
      maxEntries,
      maxBytes,
      onProblem: onKeyProblem,
    }),
    oauth2: createOAuth2Client({ clock, send, secret: randomBytes(32), maxEntries, maxBytes }),
    getCache: createNamedCaches({ clock, maxEntries, maxBytes }),
    reportEmptySubject: createEmptySubjectReporter(sessionsReport),
    cacheKey: createKeyHash(randomBytes(32)),
  }
  return { services, sessions }
}

/** Counts each response without a subject, and warns once for each endpoint. */
export function createEmptySubjectReporter({
  onEvent,
  warn,
}: SessionsReporter): Services['reportEmptySubject'] {
  const warnedEndpoints = new Set<string>()
  return endpoint => {
    onEvent({ kind: 'response_without_subject' })
    if (warnedEndpoints.has(endpoint)) return
    warnedEndpoints.add(endpoint)
    warn(
      endpoint,
      'returned 200 without a subject, so the request was allowed with an empty subject. Set require_subject: true to reject such responses',
    )
  }
}

const NO_REPORT: SessionsReporter = { onEvent: () => {}, warn: () => {} }
