/** app — the wiring list: every part in order of construction, and close() in reverse. The only reader of the clock. Long because every part stands in one list. */

import { AUTHORIZATION_SERVICE, CHECK_METHOD, createCheckHandler } from '../envoy/check.ts'
import { type EngineName, startGrpcServer } from '../grpc/engines.ts'
import { createHealth } from '../grpc/health.ts'
import { type Clock, type Instant, millis, type WallTime } from '../lib/time.ts'
import { createYielder } from '../lib/yield_to_event_loop.ts'
import { createReloadPoller } from '../rules/repositories/reload_poller.ts'
import { createRuleSources, type SourceState } from '../rules/repositories/sources.ts'
import { watchFiles } from '../rules/repositories/file_watcher.ts'
import { createRulebook } from '../rules/rulebook.ts'
import { createDecisionRecorder } from '../telemetry/access_log.ts'
import { createInstruments } from '../telemetry/instruments.ts'
import { internalErrorEvent } from '../telemetry/internal_error.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { startTracing } from '../telemetry/tracing.ts'
import { activeTraceId, traceChecks, traceSend } from '../telemetry/spans.ts'
import { version } from '../version.ts'
import { startApiListener } from './api.ts'
import {
  countBySeverity,
  countStates,
  createReloadLogger,
  createReplicationReporter,
  INTERNAL_ERROR_DIAGNOSTIC,
  logCircuitBreaker,
  logTlsRenewal,
  logWarning,
} from './events.ts'
import { listenOrExplain } from './listen.ts'
import { observeLogouts } from './observe_logout.ts'
import {
  describeListener,
  grpcListenOptions,
  listenAddress,
  logFormatOf,
  logLevelOf,
  metricsOptionsOf,
  pathModeOf,
  signingKeySetUrls,
  tracingOptionsOf,
} from './options.ts'
import { openReplication } from './redis.ts'
import {
  type AppOptions,
  createRuleSetLoader,
  readConfig,
  TIME_SLICE_MS,
  workingDirectory,
} from './ruleset.ts'
import { createClients, createServices } from './services.ts'
import { createRevoke } from './sessions.ts'
import { StartupError } from './startup_error.ts'
import { openListenerTls } from './tls.ts'

export interface App {
  readonly grpc: string
  readonly api: string
  /** Reads configuration and rules again, whether anything tells of a change or not. */
  reload(): Promise<void>
  /** Logs what nobody caught, without its words. */
  logInternalError(where: string, error: unknown): void
  /** Takes nothing new, answers what has arrived, closes everything. */
  close(): Promise<void>
}

export const clock: Clock = {
  now: () => performance.now() as Instant,
  wall: () => Date.now() as WallTime,
}

/** Longest wait for Checks in flight when stopping, ms. */
const DRAIN_TIMEOUT_MS = 20_000

/** Rejects with `StartFault` where the configuration or a port is at fault; whatever was opened is closed again. */
export async function startApp(options: AppOptions): Promise<App> {
  const cleanups: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const one of cleanups.splice(0).toReversed()) await one()
  }
  try {
    return await startComponents(options, cleanups, close)
  } catch (error) {
    await close()
    throw error
  }
}

/** `closing` collects what has to be closed again. */
async function startComponents(
  options: AppOptions,
  cleanups: (() => unknown)[],
  close: () => Promise<void>,
): Promise<App> {
  const loaded = await readConfig(options)
  if (loaded.config === undefined) throw new StartupError('the configuration has errors', loaded.issues)
  const { config } = loaded

  const log = await createLog({
    level: logLevelOf(config),
    format: logFormatOf(config),
    name: config.text('tracing.service_name') ?? 'credence',
    version,
    wall: clock.wall,
  })
  let draining = false
  cleanups.push(() => {
    if (draining) log.event('info', { event: 'stopped' })
    log.close()
  })
  for (const issue of loaded.issues) log.event('warn', { event: 'config_problem', ...issue })
  for (const notice of config.notices)
    log.event('warn', { event: 'config_problem', ...notice, severity: 'notice' })
  const logInternalError = (where: string, error: unknown): void =>
    log.event('error', internalErrorEvent(where, error))
  const logReload = createReloadLogger(log)

  const tracing = await startTracing(tracingOptionsOf(config), version, options.env)
  cleanups.push(() => tracing?.stop())
  const metrics = await createMetrics({ ...metricsOptionsOf(config, options.env), wall: clock.wall })
  cleanups.push(() => metrics.stop())
  const instruments = createInstruments(
    metrics,
    {
      prefix: config.text('serve.prometheus.metric_name_prefix') ?? '',
      hideRequestPaths: config.flag('serve.prometheus.hide_request_paths'),
    },
    {
      rules: () => rulebook.current?.snapshot.rules.length ?? 0,
      configProblems: () => countBySeverity(rulebook.diagnostics),
      sources: () => countStates(sourceStates),
      ready: () => ready(),
      sessions: () => ({ cached: sessions.size, ...sessions.status }),
      revocationStream: () => revocationStream,
    },
    clock.now,
  )
  const {
    send,
    fetch,
    close: closeClients,
  } = createClients({
    clock,
    env: options.env,
    maxConnectionsPerOrigin: config.number('sessions.connections'),
    instrument(send) {
      const counted = instruments.instrumentSend(send)
      return tracing === undefined ? counted : traceSend(tracing.tracer, counted)
    },
  })
  cleanups.push(closeClients)
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
      onEvent: news => {
        instruments.recordSessionEvent(news)
        if (news.kind === 'circuit_breaker') logCircuitBreaker(log, news)
      },
    },
    sharedCache: replication?.sharedCache,
  })
  const revocationStream = replication?.start(sessions)
  cleanups.push(() => revocationStream?.close())

  let sourceStates: readonly SourceState[] = []
  let pollInterval = millis(0)
  const ruleSetLoader = createRuleSetLoader({
    options,
    startupConfig: config,
    services,
    sources: createRuleSources({
      fetch,
      directory: workingDirectory(options),
      yieldToEventLoop: createYielder(TIME_SLICE_MS, clock),
    }),
    tracing,
    log,
    ensureWatched: updateWatchedFiles,
    onRepositoriesLoaded(now, interval) {
      sourceStates = now
      pollInterval = interval
    },
  })
  /** What serves traffic. */
  const snapshot = () => (rulebook.current?.ready === true ? rulebook.current.snapshot : undefined)
  const ready = (): boolean => !draining && snapshot() !== undefined
  const health = createHealth(ready, [AUTHORIZATION_SERVICE])
  const rulebook = createRulebook({
    load: ruleSetLoader.load,
    now: clock.now,
    onReload: report => {
      logReload(report)
      instruments.recordReload(report.outcome, report.durationMs)
      health.notifyChanged()
    },
    toDiagnostic: error => {
      logInternalError('reload', error)
      return INTERNAL_ERROR_DIAGNOSTIC
    },
  })

  const reload = async (): Promise<void> => {
    const { outcome } = await rulebook.reload()
    const remote = sourceStates.filter(one => one.kind === 'remote')
    const failing = outcome === 'refused' || remote.some(one => one.state !== 'fresh')
    poll.reschedule({ interval: pollInterval, remote: remote.length > 0, failing })
  }
  const poll = createReloadPoller(reload, Math.random)
  let watcher = watchFiles([], () => {})
  cleanups.push(() => {
    poll.close()
    watcher.close()
  })
  let watchedFilesKey = ''
  /** Files that matter may change with the configuration itself. */
  async function updateWatchedFiles(files: readonly string[]): Promise<boolean> {
    if (watchedFilesKey === files.join('\0')) return false
    watchedFilesKey = files.join('\0')
    watcher.close()
    watcher = watchFiles(files, reload)
    await watcher.ready
    return true
  }

  const revoke = createRevoke(sessions, revocationStream, ({ source, kind, evicted }) => {
    instruments.recordRevocation(source, kind)
    log.event('info', { event: 'revocation', source, kind, evicted })
  })
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
  })
  const onDecision = observeLogout === undefined ? [accessLog] : [observeLogout, accessLog]
  const openTlsIdentity = async (server: 'api' | 'grpc') => {
    const tls = await openListenerTls(config, server, renewal => logTlsRenewal(log, server, renewal))
    cleanups.push(() => tls?.close())
    return tls
  }
  const apiTls = await openTlsIdentity('api')
  const api = await listenOrExplain(describeListener('the api', 'api', listenAddress(config, 'api')), () =>
    startApiListener({
      config,
      tls: apiTls,
      clock,
      onDecision,
      onError: logInternalError,
      snapshot,
      ready,
      revoke,
      publicKeys: () =>
        services.jwks.publicKeys(signingKeySetUrls(config, rulebook.current?.validRules ?? [])),
      validRules: () => rulebook.current?.validRules ?? [],
      status: () => ({
        revision: rulebook.current?.snapshot.revision ?? '',
        rules: rulebook.current?.snapshot.rules.length ?? 0,
        sources: sourceStates,
        issues: rulebook.diagnostics,
      }),
    }),
  )
  cleanups.push(() => api.close())
  const grpcListen = grpcListenOptions(config)
  const grpcTls = await openTlsIdentity('grpc')
  const engine = await listenOrExplain(describeListener('Envoy', 'grpc', grpcListen), () =>
    startGrpcServer(config.text('serve.grpc.engine') as EngineName, {
      methods: new Map([
        [
          CHECK_METHOD,
          createCheckHandler({
            snapshot,
            onDecision,
            onError: logInternalError,
            now: clock.now,
            paths: pathModeOf(config),
            withSpan: tracing === undefined ? undefined : traceChecks(tracing.tracer),
          }),
        ],
      ]),
      health,
      listen: grpcListen,
      tls: grpcTls,
      onError: error => logInternalError('grpc', error),
      now: clock.now,
      wall: clock.wall,
    }),
  )
  cleanups.push(() => engine.drain(DRAIN_TIMEOUT_MS))
  const prometheus = await listenOrExplain(
    describeListener('Prometheus', 'prometheus', listenAddress(config, 'prometheus')),
    metrics.listen,
  )
  log.event('info', { event: 'started', version, grpc: engine.address, api: api.address, prometheus })
  await reload()
  if (rulebook.current === undefined && config.flag('access_rules.fail_fast')) {
    const errors = rulebook.diagnostics.filter(issue => issue.severity === 'error')
    throw new StartupError('the rules cannot be loaded', errors)
  }
  log.event(ready() ? 'info' : 'error', { event: ready() ? 'ready' : 'not_ready' })

  return {
    grpc: engine.address,
    api: api.address,
    reload,
    logInternalError,
    async close() {
      if (draining) return
      draining = true
      log.event('info', { event: 'draining' })
      health.notifyChanged()
      await close()
    },
  }
}
