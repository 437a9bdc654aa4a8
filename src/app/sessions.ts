/** app_sessions — the session memory as the settings want it: limits, what to do in doubt, who hears of it. Knows the table of settings. */
import { randomBytes } from 'node:crypto'
import type { Send } from '../clients/http/message.ts'
import { createKratosAdmin, createWhoami } from '../clients/kratos.ts'
import { type Clock, millis } from '../lib/time.ts'
import {
  createAdminProbe,
  createCanaryProbe,
  type Probe,
  parseCanaryCredential,
} from '../sessions/kratos/probe.ts'
import type { KratosUpstreamOptions } from '../sessions/kratos/upstream.ts'
import type { RevocationStream } from '../sessions/replication/revocation_stream.ts'
import type { SharedCache } from '../sessions/replication/shared_cache.ts'
import type { RevocationTarget } from '../sessions/types.ts'
import { createSessionVerifier, type SessionEvent, type SessionVerifier } from '../sessions/verifier.ts'
import type { Config } from './config.ts'

export interface SessionsReporter {
  /** For metrics and log. */
  onEvent(news: SessionEvent | { readonly kind: 'subjectless' }): void
  /** For people. */
  warn(source: string, problem: string): void
}

export function createVerifierFromConfig(
  config: Config,
  send: Send,
  clock: Clock,
  report: SessionsReporter,
  shared: SharedCache | undefined,
): SessionVerifier {
  const duration = (path: string) => millis(config.number(path))
  const probe = createProbe(config, send, clock, report)
  const probedUrl = URL.parse(config.text('sessions.doubt.whoami_url') ?? '')?.href
  return createSessionVerifier({
    clock,
    whoami: createWhoami({ send, timeout: duration('sessions.timeout') }),
    maxAge: duration('sessions.cache.ttl'),
    maxEntries: config.number('sessions.cache.max_entries'),
    staleIfError: duration('sessions.cache.stale_if_error'),
    holdoff: duration('sessions.revocation.hold'),
    refreshAhead: config.number('sessions.cache.refresh_ahead'),
    negativeCache: {
      ttl: duration('sessions.refusals.ttl'),
      entries: config.number('sessions.refusals.max_entries'),
    },
    upstreamOptions: upstreamOptions(config),
    probeFor: url => (probedUrl === undefined || probedUrl === url ? probe : undefined),
    onEvent: report.onEvent,
    sharedCache: shared,
    secret: randomBytes(32),
    random: Math.random,
  })
}

/** Who told, and what came of it here. */
export interface RevocationReport {
  readonly source: 'api' | 'door'
  readonly kind: RevocationTarget['kind']
  /** Entries of the memory that went. */
  readonly evicted: number
}

/** Ends sessions here, at once, and on all replicas; true when all that can be reached have heard. */
export function createRevoke(
  sessions: SessionVerifier,
  stream: Pick<RevocationStream, 'publish'> | undefined,
  onRevocation: (revocation: RevocationReport) => void,
) {
  return (source: RevocationReport['source'], revoked: RevocationTarget): Promise<boolean> => {
    const { evicted, events: news } = sessions.revoke(revoked)
    onRevocation({ source, kind: revoked.kind, evicted })
    return stream?.publish(news) ?? Promise.resolve(true)
  }
}

function upstreamOptions(config: Config): KratosUpstreamOptions {
  return {
    maxConcurrentRequests: config.number('sessions.connections'),
    maxPendingRequests: config.number('sessions.waiting'),
    failureRatio: config.number('sessions.breaker.failure_ratio'),
    minRequests: config.number('sessions.breaker.minimum'),
    openDuration: millis(config.number('sessions.breaker.open_for')),
    outageBurst: config.number('sessions.doubt.burst'),
    maxOutageDuration: millis(config.number('sessions.doubt.longest')),
    rejectionBurst: config.number('sessions.refusals.burst'),
    rejectionsPerSecond: config.number('sessions.refusals.per_second'),
  }
}

/** The admin API names the very session, so it goes before the canary. */
function createProbe(
  config: Config,
  send: Send,
  clock: Clock,
  { warn }: SessionsReporter,
): Probe | undefined {
  const timeout = millis(config.number('sessions.timeout'))
  const url = config.text('sessions.doubt.admin_url')
  if (url !== undefined) {
    const admin = createKratosAdmin({ url, send, timeout })
    // Doubt comes in a bad moment, in which nobody should wait for a package to be loaded.
    void admin
      .preload()
      .catch(() => warn('sessions.doubt.admin_url', 'the client of the admin API cannot be loaded'))
    return createAdminProbe(admin)
  }
  const canary = config.text('sessions.doubt.canary')
  if (canary === undefined || canary === '') return undefined
  return createCanaryProbe({
    clock,
    whoami: createWhoami({ send, timeout }),
    credential: parseCanaryCredential(canary),
    onUnusable: () =>
      warn('sessions.doubt.canary', 'this is no live session of Kratos: nothing can be told by it'),
  })
}
