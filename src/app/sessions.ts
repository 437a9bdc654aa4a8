/** app_sessions — the session memory as the settings want it: limits, what to do in doubt, who hears of it. Knows the table of settings. */
import { randomBytes } from 'node:crypto'
import type { Send } from '../clients/http/message.ts'
import { createKratosAdmin, createWhoami } from '../clients/kratos.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createAdminProbe, createCanaryProbe, type Probe, readCanary } from '../sessions/kratos/probe.ts'
import type { GateLimits } from '../sessions/kratos/upstream.ts'
import type { NewsLine } from '../sessions/replication/revocation_stream.ts'
import type { SharedShelf } from '../sessions/replication/shared_cache.ts'
import type { Revoked } from '../sessions/types.ts'
import { createSessions, type Sessions, type SessionsNews } from '../sessions/verifier.ts'
import type { Config } from './config.ts'

export interface SessionsReport {
  /** For metrics and log. */
  tell(news: SessionsNews | { readonly kind: 'subjectless' }): void
  /** For people. */
  warn(source: string, problem: string): void
}

export function openSessions(
  config: Config,
  send: Send,
  clock: Clock,
  report: SessionsReport,
  shared: SharedShelf | undefined,
): Sessions {
  const span = (path: string) => millis(config.number(path))
  const probe = probeOf(config, send, clock, report)
  const only = URL.parse(config.text('sessions.doubt.whoami_url') ?? '')?.href
  return createSessions({
    clock,
    whoami: createWhoami({ send, timeout: span('sessions.timeout') }),
    maxAge: span('sessions.cache.ttl'),
    maxEntries: config.number('sessions.cache.max_entries'),
    grace: span('sessions.cache.stale_if_error'),
    hold: span('sessions.revocation.hold'),
    refreshAhead: config.number('sessions.cache.refresh_ahead'),
    hopeless: {
      ttl: span('sessions.refusals.ttl'),
      entries: config.number('sessions.refusals.max_entries'),
    },
    limits: limitsOf(config),
    probeFor: url => (only === undefined || only === url ? probe : undefined),
    tell: report.tell,
    shared,
    secret: randomBytes(32),
    random: Math.random,
  })
}

/** Who told, and what came of it here. */
export interface Revocation {
  readonly source: 'api' | 'door'
  readonly kind: Revoked['kind']
  /** Entries of the memory that went. */
  readonly evicted: number
}

/** Ends sessions here, at once, and on all replicas; true when all that can be reached have heard. */
export function createRevoke(
  sessions: Sessions,
  line: Pick<NewsLine, 'tell'> | undefined,
  heard: (revocation: Revocation) => void,
) {
  return (source: Revocation['source'], revoked: Revoked): Promise<boolean> => {
    const { evicted, news } = sessions.revoke(revoked)
    heard({ source, kind: revoked.kind, evicted })
    return line?.tell(news) ?? Promise.resolve(true)
  }
}

function limitsOf(config: Config): GateLimits {
  return {
    places: config.number('sessions.connections'),
    waiting: config.number('sessions.waiting'),
    failureRatio: config.number('sessions.breaker.failure_ratio'),
    failureMinimum: config.number('sessions.breaker.minimum'),
    openFor: millis(config.number('sessions.breaker.open_for')),
    doubtBurst: config.number('sessions.doubt.burst'),
    longestDoubt: millis(config.number('sessions.doubt.longest')),
    refusalBurst: config.number('sessions.refusals.burst'),
    refusalsPerSecond: config.number('sessions.refusals.per_second'),
  }
}

/** The admin API names the very session, so it goes before the canary. */
function probeOf(config: Config, send: Send, clock: Clock, { warn }: SessionsReport): Probe | undefined {
  const timeout = millis(config.number('sessions.timeout'))
  const url = config.text('sessions.doubt.admin_url')
  if (url !== undefined) {
    const admin = createKratosAdmin({ url, send, timeout })
    // Doubt comes in a bad moment, in which nobody should wait for a package to be loaded.
    void admin
      .load()
      .catch(() => warn('sessions.doubt.admin_url', 'the client of the admin API cannot be loaded'))
    return createAdminProbe(admin)
  }
  const canary = config.text('sessions.doubt.canary')
  if (canary === undefined || canary === '') return undefined
  return createCanaryProbe({
    clock,
    whoami: createWhoami({ send, timeout }),
    credential: readCanary(canary),
    useless: () =>
      warn('sessions.doubt.canary', 'this is no live session of Kratos: nothing can be told by it'),
  })
}
