/** app — the wiring list: every part in order of construction, and close() in reverse. The only reader of the clock. Long because every part stands in one list. */

import { createCheck } from '../envoy/check.ts'
import { type EngineName, startEngine } from '../grpc/engines.ts'
import { createHealth } from '../grpc/health.ts'
import { type Clock, type Instant, millis, type WallTime } from '../lib/time.ts'
import { breatheEvery } from '../lib/yield_to_event_loop.ts'
import { createPoll } from '../rules/repositories/poll.ts'
import { createRuleSources, type SourceState } from '../rules/repositories/sources.ts'
import { watchFiles } from '../rules/repositories/watch.ts'
import { createRulebook } from '../rules/rulebook.ts'
import { createRecorder } from '../telemetry/access_log.ts'
import { createInstruments } from '../telemetry/instruments.ts'
import { accidentEvent } from '../telemetry/internal_error.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { startTracing } from '../telemetry/sdk.ts'
import { activeTraceId, traceChecks, traceSend } from '../telemetry/trace.ts'
import { version } from '../version.ts'
import { openApi } from './api.ts'
import {
  ACCIDENT,
  countIssues,
  countStates,
  createReloadLog,
  logBreaker,
  logTls,
  reportBus,
} from './events.ts'
import { listening } from './listen.ts'
import { watchedRecord } from './observe_logout.ts'
import {
  addressOf,
  formatOf,
  levelOf,
  listenOf,
  metricsOf,
  pathsOf,
  placeOf,
  signingKeysOf,
  tracingOf,
} from './options.ts'
import { openShared } from './redis.ts'
import { type AppOptions, createEditions, directoryOf, readConfig, SLICE } from './ruleset.ts'
import { openClients, openServices } from './services.ts'
import { createRevoke } from './sessions.ts'
import { StartFault } from './startup_error.ts'
import { openTls } from './tls.ts'

export interface App {
  readonly grpc: string
  readonly api: string
  /** Reads configuration and rules again, whether anything tells of a change or not. */
  reload(): Promise<void>
  /** Logs what nobody caught, without its words. */
  accident(where: string, error: unknown): void
  /** Takes nothing new, answers what has arrived, closes everything. */
  close(): Promise<void>
}

export const clock: Clock = {
  now: () => performance.now() as Instant,
  wall: () => Date.now() as WallTime,
}

/** Longest wait for Checks in flight when stopping, ms. */
const GRACE = 20_000

/** Rejects with `StartFault` where the configuration or a port is at fault; whatever was opened is closed again. */
export async function startApp(options: AppOptions): Promise<App> {
  const closing: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).toReversed()) await one()
  }
  try {
    return await open(options, closing, close)
  } catch (error) {
    await close()
    throw error
  }
}

/** `closing` collects what has to be closed again. */
async function open(
  options: AppOptions,
  closing: (() => unknown)[],
  close: () => Promise<void>,
): Promise<App> {
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
  let draining = false
  closing.push(() => {
    if (draining) log.event('info', { event: 'stopped' })
    log.close()
  })
  for (const issue of first.issues) log.event('warn', { event: 'issue', ...issue })
  for (const notice of config.notices) log.event('warn', { event: 'notice', ...notice })
  const accident = (where: string, error: unknown): void => log.event('error', accidentEvent(where, error))
  const reported = createReloadLog(log)

  const tracing = await startTracing(tracingOf(config), version, options.env)
  closing.push(() => tracing?.stop())
  const metrics = await createMetrics({ ...metricsOf(config, options.env), wall: clock.wall })
  closing.push(() => metrics.stop())
  const instruments = createInstruments(
    metrics,
    {
      prefix: config.text('serve.prometheus.metric_name_prefix') ?? '',
      hidden: config.flag('serve.prometheus.hide_request_paths'),
    },
    {
      rules: () => rulebook.current?.snapshot.rules.length ?? 0,
      issues: () => countIssues(rulebook.issues),
      sources: () => countStates(states),
      ready: () => ready(),
      sessions: () => ({ remembered: sessions.size, ...sessions.condition }),
      bus: () => bus,
    },
    clock.now,
  )
  const {
    send,
    fetch,
    close: closeClients,
  } = openClients({
    clock,
    env: options.env,
    connections: config.number('sessions.connections'),
    watched(send) {
      const counted = instruments.counted(send)
      return tracing === undefined ? counted : traceSend(tracing.tracer, counted)
    },
  })
  closing.push(closeClients)
  const warn = (where: string, message: string) => log.event('warn', { event: 'warning', where, message })
  const shared = await openShared(config, {
    clock,
    ...reportBus(log, instruments.session),
    accident: error => accident('bus', error),
  })
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
    shared: shared?.shelf,
  })
  const bus = shared?.listen(sessions)
  closing.push(() => bus?.close())

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
  /** What serves traffic. */
  const snapshot = () => (rulebook.current?.ready === true ? rulebook.current.snapshot : undefined)
  const ready = (): boolean => !draining && snapshot() !== undefined
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
      return ACCIDENT
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
  closing.push(() => {
    poll.close()
    watcher.close()
  })
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

  const revoke = createRevoke(sessions, bus, ({ source, kind, evicted }) => {
    instruments.revocation(source, kind)
    log.event('info', { event: 'revocation', source, kind, evicted })
  })
  const record = watchedRecord({
    config,
    clock,
    sessions,
    revoke,
    skipped: () => instruments.revocation('door', 'skipped'),
    record: createRecorder({
      log,
      count: instruments.check,
      traceId: tracing === undefined ? () => '' : activeTraceId,
      now: clock.now,
    }),
    accident,
  })
  const identityOf = async (server: 'api' | 'grpc') => {
    const tls = await openTls(config, server, renewal => logTls(log, server, renewal))
    closing.push(() => tls?.close())
    return tls
  }
  const apiTls = await identityOf('api')
  const api = await listening(placeOf('the api', 'api', addressOf(config, 'api')), () =>
    openApi({
      config,
      tls: apiTls,
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
    }),
  )
  closing.push(() => api.close())
  const listen = listenOf(config)
  const grpcTls = await identityOf('grpc')
  const engine = await listening(placeOf('Envoy', 'grpc', listen), () =>
    startEngine(config.text('serve.grpc.engine') as EngineName, {
      check: createCheck({
        snapshot,
        record,
        accident,
        now: clock.now,
        paths: pathsOf(config),
        around: tracing === undefined ? undefined : traceChecks(tracing.tracer),
      }),
      health,
      listen,
      tls: grpcTls,
      accident: error => accident('grpc', error),
      now: clock.now,
      wall: clock.wall,
    }),
  )
  closing.push(() => engine.drain(GRACE))
  const prometheus = await listening(
    placeOf('Prometheus', 'prometheus', addressOf(config, 'prometheus')),
    metrics.listen,
  )
  log.event('info', { event: 'started', version, grpc: engine.address, api: api.address, prometheus })
  await reload()
  if (rulebook.current === undefined && config.flag('access_rules.fail_fast')) {
    const errors = rulebook.issues.filter(issue => issue.severity === 'error')
    throw new StartFault('the rules cannot be loaded', errors)
  }
  log.event(ready() ? 'info' : 'error', { event: ready() ? 'ready' : 'not_ready' })

  return {
    grpc: engine.address,
    api: api.address,
    reload,
    accident,
    async close() {
      if (draining) return
      draining = true
      log.event('info', { event: 'draining' })
      health.changed()
      await close()
    },
  }
}
