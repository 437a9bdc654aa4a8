/** app — the wiring list: every part in order of construction, and close() in reverse. The only reader of the clock. */
import { decisionsRoute } from './api/decisions.ts'
import { healthRoutes } from './api/health.ts'
import { jwksRoute } from './api/jwks.ts'
import { revocationsRoute } from './api/revocations.ts'
import { rulesRoutes } from './api/rules.ts'
import { type ApiServer, startApi } from './api/server.ts'
import { countIssues, logAccident, logReload } from './app_log.ts'
import { formatOf, levelOf, listenOf, signingKeysOf, tracingOf, trustedOf } from './app_options.ts'
import { openServices } from './app_services.ts'
import { createHttp } from './clients/http.ts'
import { type AppOptions, directoryOf, prepare, readConfig, StartFault } from './edition.ts'
import { createCheck } from './envoy/check.ts'
import { startGrpcJs } from './envoy/grpc_js.ts'
import { createHealth } from './envoy/health.ts'
import type { Clock, Instant, WallTime } from './lib/duration.ts'
import { createRuleSources } from './rules/repository.ts'
import { createRulebook } from './rules/rulebook.ts'
import { watchFiles } from './rules/watch.ts'
import type { Revoked } from './sessions/revocation.ts'
import { createInstruments } from './telemetry/instruments.ts'
import { createLog } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { createRecorder } from './telemetry/record.ts'
import { startTracing } from './telemetry/sdk.ts'
import { activeTraceId, traceChecks, traceSend } from './telemetry/trace.ts'
import { version } from './version.ts'

export interface App {
  readonly grpc: string
  readonly api: string
  /** Takes nothing new, answers what has arrived, closes everything. */
  close(): Promise<void>
}

export const clock: Clock = {
  now: () => performance.now() as Instant,
  wall: () => Date.now() as WallTime,
}

/** How often a repository that could not be read is tried again, ms. */
const RETRY = 5_000
/** Longest time for a decision over HTTP, where no deadline comes along, ms. */
const HTTP_BUDGET = 10_000
/** Longest wait for Checks in flight when stopping, ms. */
const GRACE = 20_000

export async function startApp(options: AppOptions): Promise<App> {
  const first = await readConfig(options)
  if (first.config === undefined) throw new StartFault('the configuration has errors', first.issues)
  const { config } = first

  const log = await createLog({
    level: levelOf(config),
    format: formatOf(config),
    name: config.text('tracing.service_name') ?? 'credence',
    version,
  })
  for (const issue of first.issues) log.event('warn', { event: 'issue', ...issue })
  for (const notice of config.notices) log.event('warn', { event: 'notice', ...notice })
  const accident = (where: string, error: unknown): void => logAccident(log, where, error)

  const tracing = await startTracing(tracingOf(config), version, options.env)
  const metrics = await createMetrics({
    host: config.text('serve.prometheus.host') ?? '127.0.0.1',
    port: config.number('serve.prometheus.port'),
    path: config.text('serve.prometheus.metrics_path') ?? '/metrics',
    serviceName: config.text('tracing.service_name') ?? 'credence',
    version,
    env: options.env,
  })
  const instruments = createInstruments(
    metrics.meter,
    config.text('serve.prometheus.metric_name_prefix') ?? '',
    {
      rules: () => rulebook.current?.snapshot.rules.length ?? 0,
      issues: () => countIssues(rulebook.issues),
      ready: () => ready(),
      sessions: () => sessions.size,
    },
    clock.now,
  )
  const http = createHttp({ clock, connections: config.number('sessions.connections') })
  const counted = instruments.counted(http.send)
  const send = tracing === undefined ? counted : traceSend(tracing.tracer, counted)
  const { services, sessions } = openServices(config, send, clock, problem =>
    log.event('warn', { event: 'warning', where: problem.source, message: problem.problem }),
  )

  const sources = createRuleSources({ send, directory: directoryOf(options) })
  let draining = false
  const ready = (): boolean => !draining && rulebook.current !== undefined
  const health = createHealth(ready)
  const rulebook = createRulebook({
    prepare: () => prepare(options, services, sources, tracing, watched, log),
    now: clock.now,
    reported: report => {
      logReload(log, report)
      instruments.reload(report.outcome, report.took)
      health.changed()
    },
    accident: error => {
      accident('reload', error)
      return {
        severity: 'error',
        source: 'rules',
        line: 0,
        column: 0,
        path: '',
        message: 'an accident',
        hint: '',
      }
    },
  })

  let watcher = watchFiles([], () => {})
  let retry: NodeJS.Timeout | undefined
  const reload = async (): Promise<void> => {
    const report = await rulebook.reload()
    clearTimeout(retry)
    if (report.outcome === 'refused' && !draining) retry = setTimeout(reload, RETRY).unref()
  }
  /** Files that matter may change with the configuration itself. */
  let watching = ''
  function watched(files: readonly string[]): void {
    if (watching === files.join('\0')) return
    watching = files.join('\0')
    watcher.close()
    watcher = watchFiles(files, reload)
  }

  const snapshot = () => rulebook.current?.snapshot
  const paths = config.text('paths') === 'oathkeeper' ? 'oathkeeper' : 'strict'
  const record = createRecorder({
    log,
    count: instruments.check,
    traceId: tracing === undefined ? () => '' : activeTraceId,
    now: clock.now,
  })
  const engine = await startGrpcJs({
    check: createCheck({
      snapshot,
      record,
      accident,
      now: clock.now,
      paths,
      around: tracing === undefined ? undefined : traceChecks(tracing.tracer),
    }),
    health,
    listen: listenOf(config),
    now: clock.now,
    wall: clock.wall,
  })
  const revoke = (source: string, revoked: Revoked): void => {
    const evicted = sessions.revoke(revoked)
    instruments.revocation(source, revoked.kind)
    log.event('info', { event: 'revocation', source, kind: revoked.kind, evicted })
  }
  const revocationKeys = config.list('sessions.revocation.keys')
  const api: ApiServer = await startApi({
    host: config.text('serve.api.host') ?? '127.0.0.1',
    port: config.number('serve.api.port'),
    timeouts: {
      read: config.number('serve.api.timeout.read'),
      write: config.number('serve.api.timeout.write'),
      idle: config.number('serve.api.timeout.idle'),
    },
    routes: [
      ...(config.flag('serve.api.decisions')
        ? [
            decisionsRoute({
              snapshot,
              record,
              now: clock.now,
              paths,
              trusted: trustedOf(config),
              budget: HTTP_BUDGET,
            }),
          ]
        : []),
      healthRoutes({ ready, version }),
      ...(revocationKeys.length === 0
        ? []
        : [
            revocationsRoute({
              keys: revocationKeys,
              wall: clock.wall,
              revoke: revoked => revoke('api', revoked),
            }),
          ]),
      jwksRoute({
        publicKeys: () => services.keys.publicKeys(signingKeysOf(config, rulebook.current?.listed ?? [])),
      }),
      rulesRoutes({
        listed: () => rulebook.current?.listed ?? [],
        status: () => ({
          revision: rulebook.current?.snapshot.revision ?? '',
          rules: rulebook.current?.snapshot.rules.length ?? 0,
          sources: rulebook.current?.sources ?? [],
          issues: rulebook.issues,
        }),
      }),
    ],
    accident: error => accident('api', error),
  })
  const prometheus = await metrics.listen()
  log.event('info', { event: 'started', version, grpc: engine.address, api: api.address, prometheus })
  await reload()
  log.event(ready() ? 'info' : 'error', { event: ready() ? 'ready' : 'not_ready' })

  return {
    grpc: engine.address,
    api: api.address,
    async close() {
      if (draining) return
      draining = true
      log.event('info', { event: 'draining' })
      health.changed()
      clearTimeout(retry)
      watcher.close()
      await engine.drain(GRACE)
      await api.close()
      await http.close()
      await tracing?.stop()
      await metrics.stop()
      log.event('info', { event: 'stopped' })
      log.flush()
    },
  }
}
