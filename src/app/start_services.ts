/** Starts what handlers and listeners share: HTTP clients, the session cache and replication through Redis. */
import type { Send } from '../clients/http/message.ts'
import type { Services } from '../handlers/services.ts'
import type { Clock } from '../lib/time.ts'
import type { RevocationStream } from '../sessions/replication/revocation_stream.ts'
import { kratosSettings } from '../sessions/settings.ts'
import type { SessionVerifier } from '../sessions/verifier.ts'
import type { SessionCacheState } from '../telemetry/instruments.ts'
import { traceSend } from '../telemetry/spans.ts'
import type { Config } from './config.ts'
import { createReplicationReporter, logCircuitBreaker, logWarning } from './events.ts'
import { openReplication } from './redis.ts'
import { createClients, createServices } from './services.ts'
import { createRevoke } from './sessions.ts'
import type { Shutdown } from './shutdown.ts'
import type { Telemetry } from './telemetry.ts'

export interface StartServicesDependencies {
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  readonly shutdown: Shutdown
}

/** What handlers and listeners use for as long as the process runs; reloads do not replace it. */
export interface RunningServices {
  readonly handlers: Services
  /** For rule repositories and key sets: http(s) and object stores. */
  readonly fetch: Send
  readonly sessions: SessionVerifier
  readonly sessionCacheState: () => SessionCacheState
  /** `undefined` without Redis. */
  readonly revocationStream: RevocationStream | undefined
  readonly revoke: ReturnType<typeof createRevoke>
}

/** Opens clients, Redis and the session cache. What it opens is closed by `shutdown`. */
export async function startServices(
  config: Config,
  { clock, env, shutdown }: StartServicesDependencies,
  { log, tracing, instruments, logInternalError }: Telemetry,
): Promise<RunningServices> {
  const { send, fetch, close } = createClients({
    clock,
    env,
    maxConnectionsPerOrigin: config.get(kratosSettings.maxConcurrentRequests),
    instrument(send) {
      const counted = instruments.instrumentSend(send)
      return tracing === undefined ? counted : traceSend(tracing.tracer, counted)
    },
  })
  shutdown.onClose(close)
  const warn = (source: string, message: string) => logWarning(log, source, message)
  const replication = await openReplication(config, {
    clock,
    ...createReplicationReporter(log, instruments.recordSessionEvent),
    onError: error => logInternalError('revocation_stream', error),
  })
  const { services, sessions } = createServices({
    config,
    send,
    fetch,
    clock,
    onKeyProblem: ({ source, problem }) => warn(source, problem),
    sessionsReport: {
      warn,
      onEvent(event) {
        instruments.recordSessionEvent(event)
        if (event.kind === 'circuit_breaker') logCircuitBreaker(log, event)
      },
    },
    sharedCache: replication?.sharedCache,
  })
  const revocationStream = replication?.start(sessions)
  shutdown.onClose(() => revocationStream?.close())
  const revoke = createRevoke(sessions, revocationStream, ({ source, kind, evicted }) => {
    instruments.recordRevocation(source, kind)
    log.event('info', { event: 'revocation', source, kind, evicted })
  })
  const sessionCacheState = () => ({ cached: sessions.size, cachedBytes: sessions.bytes, ...sessions.status })
  return { handlers: services, fetch, sessions, sessionCacheState, revocationStream, revoke }
}
