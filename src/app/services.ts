/** app_services — what handlers may ask of the world, opened once a process. Knows the windows and the memory, no socket of our own. */
import { randomBytes } from 'node:crypto'
import { createHttp } from '../clients/http/client.ts'
import type { Send } from '../clients/http/message.ts'
import { compileProxies } from '../clients/http/proxy.ts'
import { createKeys } from '../clients/jwks/keys.ts'
import type { KeyProblem } from '../clients/jwks/remote_jwk_set.ts'
import { createOAuth2 } from '../clients/oauth2/client.ts'
import { createObjects, withObjects } from '../clients/objects/client.ts'
import type { Services } from '../handlers/services.ts'
import { createTupleHash } from '../lib/key_hash.ts'
import { createCaches } from '../lib/named_caches.ts'
import type { Clock } from '../lib/time.ts'
import type { SharedShelf } from '../sessions/replication/shared_cache.ts'
import type { Config } from './config.ts'
import { keyTimesOf } from './options.ts'
import { openSessions, type SessionsReport } from './sessions.ts'

export interface ClientParts {
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** Most connections to one origin. */
  readonly connections?: number
  /** Around each way out: counts and spans. */
  readonly watched?: (send: Send) => Send
}

/** The ways out of the house, until they are closed. */
export function openClients({ clock, env, connections, watched = send => send }: ClientParts) {
  const proxyOf = compileProxies(env)
  const http = createHttp({ clock, proxyOf, ...(connections === undefined ? {} : { connections }) })
  const objects = createObjects(env)
  return {
    /** What handlers call: http(s) only. */
    send: watched(http.send),
    /** Of rules and keys: the stores of the clouds, too. */
    fetch: watched(withObjects(http.send, objects.send)),
    async close() {
      objects.close()
      await http.close()
    },
  }
}

export interface ServiceParts {
  readonly config: Config
  /** http(s) only: what handlers call. */
  readonly send: Send
  /** The stores of the clouds, too: where key sets may be. */
  readonly fetch: Send
  readonly clock: Clock
  readonly report: (problem: KeyProblem) => void
  /** What becomes of Kratos; nobody hears of it unless given. */
  readonly heard?: SessionsReport
  /** What other replicas know; nothing is shared unless given. */
  readonly shared?: SharedShelf | undefined
}

/** What handlers may ask of the world. Lives as long as the process: reloads keep what is remembered. */
export function openServices({ config, send, fetch, clock, report, heard = SILENT, shared }: ServiceParts) {
  const sessions = openSessions(config, send, clock, heard, shared)
  const entries = config.number('sessions.cache.max_entries')
  const services: Services = {
    clock,
    send,
    kratos: sessions,
    keys: createKeys({
      clock,
      fetch,
      directory: process.cwd(),
      times: keyTimesOf(config),
      secret: randomBytes(32),
      entries,
      report,
    }),
    oauth2: createOAuth2({ clock, send, secret: randomBytes(32), entries }),
    cache: createCaches({ clock, entries }),
    subjectless: reportSubjectless(heard),
    keyOf: createTupleHash(randomBytes(32)),
  }
  return { services, sessions }
}

/** Counts each time; says it once of each endpoint, since what it says will not change. */
export function reportSubjectless({ tell, warn }: SessionsReport): Services['subjectless'] {
  const told = new Set<string>()
  return endpoint => {
    tell({ kind: 'subjectless' })
    if (told.has(endpoint)) return
    told.add(endpoint)
    warn(
      endpoint,
      'answered 200 without a subject, which lets in whom nobody knows; require_subject: true refuses that',
    )
  }
}

const SILENT: SessionsReport = { tell: () => {}, warn: () => {} }
