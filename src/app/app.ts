/** Starts the service: configuration, telemetry, clients, rules and listeners, in this order. Reads the clock for all of them. */
import { setTimeout as wait } from 'node:timers/promises'
import type { DecisionListener } from '../access/decision_listener.ts'
import type { OverloadMonitor } from '../access/overload.ts'
import { describeService } from '../api/admin/service_status.ts'
import type { Clock, Instant, WallTime } from '../lib/time.ts'
import { createYielder } from '../lib/yield_to_event_loop.ts'
import { createRuleSources } from '../rules/repositories/sources.ts'
import { ruleSettings } from '../rules/settings.ts'
import { createDecisionRecorder } from '../telemetry/access_log.ts'
import type { SessionCacheState } from '../telemetry/instruments.ts'
import { decisionLogSettings } from '../telemetry/settings.ts'
import { activeTraceId, traceChecks } from '../telemetry/spans.ts'
import { version } from '../version.ts'
import { signingKeySetUrls } from './api.ts'
import type { Config } from './config.ts'
import {
  countBySeverity,
  countStates,
  createReloadLogger,
  createRevocationRejectionReporter,
} from './events.ts'
import { createGrpcHealth, startListeners } from './listeners.ts'
import { observeLogouts } from './observe_logout.ts'
import { measureEventLoopDelay, startOverloadMonitor } from './overload.ts'
import { createReloader, type Reloader } from './reload.ts'
import { type AppOptions, readConfig, TIME_SLICE_MS, workingDirectory } from './ruleset.ts'
import { createShutdown, type Shutdown, shutdownSettings } from './shutdown.ts'
import { type RunningServices, startServices } from './start_services.ts'
import { StartupError } from './startup_error.ts'
import { startTelemetry, type Telemetry } from './telemetry.ts'

export interface App {
  /** Address of the gRPC listener: `host:port`, or the path of a socket. */
  readonly grpc: string
  /** Address of the api listener, `host:port`. */
  readonly api: string
  /** Reads configuration and rules again, whether or not they have changed. */
  reload(): Promise<void>
  /** Logs an error that nothing caught: its class, never its message. */
  logInternalError(where: string, error: unknown): void
  /**
   * Reports not ready, and answers everything for `serve.shutdown_delay` longer. Before `close`, it gives
   * Envoy's health checks the time to choose another replica.
   */
  announceStop(): Promise<void>
  /** Stops accepting work, answers what has arrived, and closes everything. */
  close(): Promise<void>
}

export const clock: Clock = {
  now: () => performance.now() as Instant,
  wall: () => Date.now() as WallTime,
}

/** Rejects with `StartupError` if the operator can solve the problem. What was opened before is closed again. */
export async function startApp(options: AppOptions): Promise<App> {
  const shutdown = createShutdown()
  try {
    return await startComponents(options, shutdown)
  } catch (error) {
    await shutdown.run()
    throw error
  }
}

/** The parts depend on one another in this order. */
async function startComponents(options: AppOptions, shutdown: Shutdown): Promise<App> {
  const { config, issues } = await readConfig(options)
  if (config === undefined) throw new StartupError('the configuration has errors', issues)
  const startedAt = clock.wall()
  let draining = false
  // Metrics may be read before the parts that they observe exist.
  let parts:
    | { readonly services: RunningServices; readonly reloader: Reloader; readonly overload: OverloadMonitor }
    | undefined
  const snapshot = () => parts?.reloader.snapshot()
  const ready = (): boolean => !draining && snapshot() !== undefined && parts?.overload.stalled === false
  const telemetry = await startTelemetry(config, {
    clock,
    env: options.env,
    shutdown,
    observed: {
      rules: () => parts?.reloader.status().rules ?? 0,
      configProblems: () => countBySeverity(parts?.reloader.diagnostics ?? []),
      sources: () => countStates(parts?.reloader.sourceStates ?? []),
      ready,
      lastReload: () => parts?.reloader.lastReload,
      checksInProgress: () => parts?.overload.inProgress ?? 0,
      eventLoopDelay: measureEventLoopDelay(shutdown),
      sessions: () => parts?.services.sessionCacheState() ?? NO_SESSIONS,
      revocationStream: () => parts?.services.revocationStream,
    },
    onStopped: log => draining && log.event('info', { event: 'stopped' }),
  })
  const { log, metrics, tracing, instruments, logInternalError } = telemetry
  for (const issue of issues) log.event('warn', { event: 'config_problem', ...issue })
  for (const notice of config.notices) {
    log.event('warn', { event: 'config_problem', ...notice, severity: 'notice' })
  }

  const health = createGrpcHealth(ready)
  const services = await startServices(config, { clock, env: options.env, shutdown }, telemetry)
  const reloader = startReloader(config, options, telemetry, services, () => health.notifyChanged())
  shutdown.onClose(() => reloader.close())
  const overload = startOverloadMonitor(config, {
    clock,
    shutdown,
    onChange: shedding =>
      log.event('warn', { event: 'overload', state: shedding ? 'shedding' : 'admitting' }),
    onStalled: () => health.notifyChanged(),
  })
  parts = { services, reloader, overload }

  const { grpc, api, prometheus } = await startListeners({
    config,
    clock,
    log,
    metrics,
    health,
    shutdown,
    snapshot,
    ready,
    overload,
    onDecision: decisionListeners(config, telemetry, services),
    onError: logInternalError,
    withSpan: tracing === undefined ? undefined : traceChecks(tracing.tracer),
    showSubject: telemetry.privacy.person,
    revoke: services.revoke,
    onRevocationRejected: createRevocationRejectionReporter(log, instruments.recordSessionEvent, clock),
    publicKeys: () => services.handlers.jwks.publicKeys(signingKeySetUrls(config, reloader.validRules)),
    validRules: () => reloader.validRules,
    status: reloader.status,
    recent: telemetry.recent,
    adminStatus: () =>
      describeService({
        version,
        ready: ready(),
        startedAtMs: startedAt,
        status: reloader.status(),
        repositories: reloader.sourceStates,
        ...countBySeverity(reloader.diagnostics),
        checksInProgress: overload.inProgress,
        overloaded: overload.overloaded,
        sessions: services.sessionCacheState(),
        stream: services.revocationStream,
      }),
    reload: () => reloader.reload('signal'),
  })
  log.event('info', { event: 'started', version, grpc, api, prometheus })

  await reloader.reload('start')
  if (!reloader.loaded && config.get(ruleSettings.failFast)) {
    const errors = reloader.diagnostics.filter(({ severity }) => severity === 'error')
    throw new StartupError('the rules cannot be loaded', errors)
  }
  log.event(ready() ? 'info' : 'error', { event: ready() ? 'ready' : 'not_ready' })

  const reportNotReady = (): void => {
    if (draining) return
    draining = true
    log.event('info', { event: 'draining' })
    health.notifyChanged()
  }
  return {
    grpc,
    api,
    reload: () => reloader.reload('signal'),
    logInternalError,
    async announceStop() {
      reportNotReady()
      await wait(config.get(shutdownSettings.delay))
    },
    async close() {
      reportNotReady()
      await shutdown.run()
    },
  }
}

function startReloader(
  config: Config,
  options: AppOptions,
  { log, tracing, instruments, logInternalError }: Telemetry,
  { handlers, fetch }: RunningServices,
  onReplaced: () => void,
): Reloader {
  const logReload = createReloadLogger(log)
  return createReloader({
    options,
    startupConfig: config,
    services: handlers,
    sources: createRuleSources({
      fetch,
      directory: workingDirectory(options),
      yieldToEventLoop: createYielder(TIME_SLICE_MS, clock),
    }),
    tracing,
    log,
    clock,
    random: Math.random,
    onReplaced,
    onReload(report) {
      logReload(report)
      instruments.recordReload(report.outcome, report.durationMs)
    },
    onError: error => logInternalError('reload', error),
  })
}

/** In this order: a session that a request ends is revoked before the decision is logged. */
function decisionListeners(
  config: Config,
  { log, tracing, instruments, privacy, recent, logInternalError }: Telemetry,
  { sessions, revoke }: RunningServices,
): readonly DecisionListener[] {
  const observeLogout = observeLogouts({
    config,
    clock,
    sessions,
    revoke,
    onSkipped: () => instruments.recordRevocation('observed', 'skipped'),
    onError: logInternalError,
  })
  const accessLog = createDecisionRecorder({
    log,
    recordMetrics: instruments.recordCheck,
    traceId: tracing === undefined ? () => '' : activeTraceId,
    now: clock.now,
    privacy,
    allowedRatio: config.get(decisionLogSettings.allowedRatio),
    random: Math.random,
    recent,
  })
  return observeLogout === undefined ? [accessLog] : [observeLogout, accessLog]
}

const NO_SESSIONS: SessionCacheState = {
  cached: 0,
  cachedBytes: 0,
  circuitBreaker: 'closed',
  inFlight: 0,
  pending: 0,
  maxStaleness: 0,
}
