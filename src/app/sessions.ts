/** Creates the session verifier from the configuration. */

import { randomBytes } from 'node:crypto'
import type { ShedReason } from '../clients/guarded_send.ts'
import type { Send } from '../clients/http/message.ts'
import { createKratosAdmin, createWhoami } from '../clients/kratos.ts'
import type { Clock } from '../lib/time.ts'
import {
  createAdminProbe,
  createCanaryProbe,
  type Probe,
  parseCanaryCredential,
} from '../sessions/kratos/probe.ts'
import type { RevocationStream } from '../sessions/replication/revocation_stream.ts'
import type { SharedCache } from '../sessions/replication/shared_cache.ts'
import {
  kratosSettings,
  kratosUpstreamOptions,
  outageDetectionSettings,
  rejectionSettings,
  revocationSettings,
  sessionCacheSettings,
} from '../sessions/settings.ts'
import type { RevocationTarget } from '../sessions/types.ts'
import { createSessionVerifier, type SessionEvent, type SessionVerifier } from '../sessions/verifier.ts'
import type { Config } from './config.ts'

export interface SessionsReporter {
  /** Called for each event that metrics count. */
  onEvent(
    event:
      | SessionEvent
      | { readonly kind: 'response_without_subject' }
      | { readonly kind: 'outgoing_shed'; readonly target: string; readonly reason: ShedReason },
  ): void
  /** Called for a problem that the operator has to solve. `source`: a setting or URL. */
  warn(source: string, problem: string): void
}

export function createVerifierFromConfig(
  config: Config,
  send: Send,
  clock: Clock,
  report: SessionsReporter,
  shared: SharedCache | undefined,
): SessionVerifier {
  const probe = createProbe(config, send, clock, report)
  const probedUrl = URL.parse(config.get(outageDetectionSettings.whoamiUrl) ?? '')?.href
  return createSessionVerifier({
    clock,
    whoami: createWhoami({ send, timeout: config.get(kratosSettings.timeout) }),
    maxAge: config.get(sessionCacheSettings.ttl),
    maxEntries: config.get(sessionCacheSettings.maxEntries),
    maxBytes: config.get(sessionCacheSettings.maxBytes),
    staleIfError: config.get(sessionCacheSettings.staleIfError),
    holdoff: config.get(revocationSettings.holdoff),
    refreshAhead: config.get(sessionCacheSettings.refreshAhead),
    negativeCache: {
      ttl: config.get(rejectionSettings.negativeCacheTtl),
      maxEntries: config.get(rejectionSettings.negativeCacheMaxEntries),
    },
    upstreamOptions: kratosUpstreamOptions(config),
    probeFor: url => (probedUrl === undefined || probedUrl === url ? probe : undefined),
    onEvent: report.onEvent,
    sharedCache: shared,
    secret: randomBytes(32),
    random: Math.random,
  })
}

/** A revocation that this replica received from the API or observed in a request to Kratos. */
export interface RevocationReport {
  readonly source: 'api' | 'observed'
  readonly kind: RevocationTarget['kind']
  /** Number of evicted cache entries. */
  readonly evicted: number
}

/** The returned function revokes on this replica at once and on the others through Redis. It resolves to false if Redis is unavailable. */
export function createRevoke(
  sessions: SessionVerifier,
  stream: Pick<RevocationStream, 'publish'> | undefined,
  onRevocation: (revocation: RevocationReport) => void,
) {
  return (source: RevocationReport['source'], target: RevocationTarget): Promise<boolean> => {
    const { evicted, events } = sessions.revoke(target)
    onRevocation({ source, kind: target.kind, evicted })
    return stream?.publish(events) ?? Promise.resolve(true)
  }
}

/** The admin API knows the rejected session itself, so it is preferred to the canary. */
function createProbe(
  config: Config,
  send: Send,
  clock: Clock,
  { warn }: SessionsReporter,
): Probe | undefined {
  const timeout = config.get(kratosSettings.timeout)
  const url = config.get(outageDetectionSettings.adminUrl)
  if (url !== undefined) {
    const admin = createKratosAdmin({ url, send, timeout })
    // Loading the package on first use would delay requests during an outage.
    void admin
      .preload()
      .catch(() => warn(outageDetectionSettings.adminUrl.path, 'cannot load the client of the admin API'))
    return createAdminProbe(admin)
  }
  const canary = config.get(outageDetectionSettings.canarySession)
  if (canary === undefined || canary === '') return undefined
  return createCanaryProbe({
    clock,
    whoami: createWhoami({ send, timeout }),
    credential: parseCanaryCredential(canary),
    onUnusable: () =>
      warn(
        outageDetectionSettings.canarySession.path,
        'is not a live session of Kratos, so it cannot detect an outage',
      ),
  })
}
