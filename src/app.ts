/** app — the wiring list: every part in order of construction, and close() in reverse. The only reader of the clock. */
import { openApi } from './app_api.ts'
import { countIssues, countStates, createReloadLog, logAccident, logBreaker } from './app_log.ts'
import { formatOf, levelOf, listenOf, pathsOf, signingKeysOf, tracingOf } from './app_options.ts'
import { openServices } from './app_services.ts'
import { createHttp, type Send } from './clients/http.ts'
import { compileProxies } from './clients/http_proxy.ts'
import { createObjects, withObjects } from './clients/objects.ts'
import { type AppOptions, createEditions, directoryOf, readConfig, SLICE, StartFault } from './edition.ts'
import { createCheck } from './envoy/check.ts'
import { startGrpcJs } from './envoy/grpc_js.ts'
import { createHealth } from './envoy/health.ts'
import { breatheEvery } from './lib/breathe.ts'
import { type Clock, type Instant, millis, type WallTime } from './lib/duration.ts'
import { createPoll } from './rules/poll.ts'
import { createRulebook } from './rules/rulebook.ts'
import { createRuleSources, type SourceState } from './rules/sources.ts'
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
    wall: clock.wall,
  })
  for (const issue of first.issues) log.event('warn', { event: 'issue', ...issue })
  for (const notice of config.notices) log.event('warn', { event: 'notice', ...notice })
  const accident = (where: string, error: unknown): void => logAccident(log, where, error)
  const reported = createReloadLog(log)

  const tracing = await startTracing(tracingOf(config), version, options.env)
  const metrics = await createMetrics({
    host: config.text('serve.prometheus.host') ?? '127.0.0.1',
    port: config.number('serve.prometheus.port'),
    path: config.text('serve.prometheus.metrics_path') ?? '/metrics',
    serviceName: config.text('tracing.service_name') ?? 'credence',
    version,
    env: options.env,
    wall: clock.wall,
  })
  const instruments = createInstruments(
    metrics,
    config.text('serve.prometheus.metric_name_prefix') ?? '',
    {
      rules: () => rulebook.current?.snapshot.rules.length ?? 0,
      issues: () => countIssues(rulebook.issues),
      sources: () => countStates(states),
      ready: () => ready(),
      sessions: () => ({ remembered: sessions.size, ...sessions.condition }),
    },
    clock.now,
  )
  const http = createHttp({
    clock,
    connections: config.number('sessions.connections'),
    proxyOf: compileProxies(options.env),
  })
  const objects = createObjects(options.env)
  const watchedOver = (send: Send): Send => {
    const counted = instruments.counted(send)
    return tracing === undefined ? counted : traceSend(tracing.tracer, counted)
  }
  const send = watchedOver(http.send)
  /** Of rules and keys; what handlers call is http(s) only. */
  const fetch = watchedOver(withObjects(http.send, objects.send))
  const warn = (where: string, message: string) => log.event('warn', { event: 'warning', where, message })
  const { services, sessions } = openServices({
    config,
    send,
    fetch,
    clock,
    report: ({ source, problem }) => warn(source, problem),
    heard: {
      warn,
      tell: news => {
        instruments.session(news)
        if (news.kind === 'breaker') logBreaker(log, news)
      },
    },
  })

  let states: readonly SourceState[] = []
  let pollInterval = millis(0)
  const editions = createEditions({
    options,
    started: config,
    services,
    sources: createRuleSources({
      fetch,
      directory: directoryOf(options),
      breathe: breatheEvery(SLICE, clock),
    }),
    tracing,
    log,
    watched: watch,
    read(now, interval) {
      states = now
      pollInterval = interval
    },
  })
  let draining = false
  const ready = (): boolean => !draining && rulebook.current !== undefined
  const health = createHealth(ready)
  const rulebook = createRulebook({
    prepare: editions.prepare,
    now: clock.now,
    reported: report => {
      reported(report)
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

  const reload = async (): Promise<void> => {
    const { outcome } = await rulebook.reload()
    const remote = states.filter(one => one.kind === 'remote')
    const failing = outcome === 'refused' || remote.some(one => one.state !== 'fresh')
    poll.after({ interval: pollInterval, remote: remote.length > 0, failing })
  }
  const poll = createPoll(reload, Math.random)
  let watcher = watchFiles([], () => {})
  let watching = ''
  /** Files that matter may change with the configuration itself. */
  async function watch(files: readonly string[]): Promise<boolean> {
    if (watching === files.join('\0')) return false
    watching = files.join('\0')
    watcher.close()
    watcher = watchFiles(files, reload)
    await watcher.looked
    return true
  }

  const snapshot = () => rulebook.current?.snapshot
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
      paths: pathsOf(config),
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
  const api = await openApi({
    config,
    clock,
    record,
    accident,
    snapshot,
    ready,
    revoke,
    publicKeys: () => services.keys.publicKeys(signingKeysOf(config, rulebook.current?.listed ?? [])),
    listed: () => rulebook.current?.listed ?? [],
    status: () => ({
      revision: rulebook.current?.snapshot.revision ?? '',
      rules: rulebook.current?.snapshot.rules.length ?? 0,
      sources: states,
      issues: rulebook.issues,
    }),
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
      poll.close()
      watcher.close()
      await engine.drain(GRACE)
      await api.close()
      objects.close()
      await http.close()
      await tracing?.stop()
      await metrics.stop()
      log.event('info', { event: 'stopped' })
      log.flush()
    },
  }
}
