/** app — the wiring list: every part in order of construction, and close() in reverse. The only reader of the clock. */
import { randomBytes } from 'node:crypto'
import { healthRoutes } from './api/health.ts'
import { rulesRoutes } from './api/rules.ts'
import { type ApiServer, startApi } from './api/server.ts'
import { formatOf, levelOf, listenOf, tracingOf } from './app_options.ts'
import type { ValidateWorld } from './cli/validate.ts'
import { createHttp, type Send } from './clients/http.ts'
import { createWhoami } from './clients/kratos.ts'
import type { Config } from './config.ts'
import { type AppOptions, compileWith, directoryOf, prepare, readConfig, StartFault } from './edition.ts'
import { createCheck } from './envoy/check.ts'
import { startGrpcJs } from './envoy/grpc_js.ts'
import { createHealth } from './envoy/health.ts'
import { HANDLERS } from './handlers/registry.ts'
import type { Services } from './handlers/services.ts'
import { type Clock, type Instant, millis, type WallTime } from './lib/duration.ts'
import { createRuleSources } from './rules/repository.ts'
import { createRulebook } from './rules/rulebook.ts'
import { watchFiles } from './rules/watch.ts'
import { createSessions } from './sessions/store.ts'
import { createLog, type Log } from './telemetry/log.ts'
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

const clock: Clock = {
  now: () => performance.now() as Instant,
  wall: () => Date.now() as WallTime,
}

/** How often a repository that could not be read is tried again, ms. */
const RETRY = 5_000
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
  const http = createHttp({ clock, connections: config.number('sessions.connections') })
  const send = tracing === undefined ? http.send : traceSend(tracing.tracer, http.send)
  const services = openServices(config, send)

  const sources = createRuleSources({ send, directory: directoryOf(options) })
  let draining = false
  const ready = (): boolean => !draining && rulebook.current !== undefined
  const health = createHealth(ready)
  const rulebook = createRulebook({
    prepare: () => prepare(options, services, sources, tracing, watched, log),
    now: clock.now,
    reported: report => {
      logReload(log, report)
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

  const engine = await startGrpcJs({
    check: createCheck({
      snapshot: () => rulebook.current?.snapshot,
      record: createRecorder({
        log,
        count: () => {},
        traceId: tracing === undefined ? () => '' : activeTraceId,
        now: clock.now,
      }),
      accident,
      now: clock.now,
      paths: config.text('paths') === 'oathkeeper' ? 'oathkeeper' : 'strict',
      around: tracing === undefined ? undefined : traceChecks(tracing.tracer),
    }),
    health,
    listen: listenOf(config),
    now: clock.now,
    wall: clock.wall,
  })
  const api: ApiServer = await startApi({
    host: config.text('serve.api.host') ?? '127.0.0.1',
    port: config.number('serve.api.port'),
    timeouts: {
      read: config.number('serve.api.timeout.read'),
      write: config.number('serve.api.timeout.write'),
      idle: config.number('serve.api.timeout.idle'),
    },
    routes: [
      healthRoutes({ ready, version }),
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
  log.event('info', { event: 'started', version, grpc: engine.address, api: api.address, prometheus: '' })
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
      log.event('info', { event: 'stopped' })
      log.flush()
    },
  }
}

/** What handlers may ask of the world. Lives as long as the process: reloads keep what is remembered. */
function openServices(config: Config, send: Send): Services {
  return {
    clock,
    send,
    kratos: createSessions({
      clock,
      whoami: createWhoami({ send, timeout: millis(config.number('sessions.timeout')) }),
      maxAge: millis(config.number('sessions.cache.ttl')),
      maxEntries: config.number('sessions.cache.max_entries'),
      secret: randomBytes(32),
      random: Math.random,
    }),
  }
}

/** What `validate` needs of the service without starting it; nothing is asked but remote rule repositories. */
export function openValidation() {
  const http = createHttp({ clock })
  const world: ValidateWorld = {
    handlers: HANDLERS,
    send: http.send,
    directory: process.cwd(),
    compile: async (config, rules) => {
      const services = openServices(config, http.send)
      const compiled = await compileWith(config, rules, services, undefined, '')
      return compiled.issues
    },
  }
  return { world, close: () => http.close() }
}

function logReload(log: Log, report: Parameters<Parameters<typeof createRulebook>[0]['reported']>[0]): void {
  for (const issue of report.issues) {
    log.event(issue.severity === 'error' ? 'error' : 'warn', { event: 'issue', ...issue })
  }
  log.event(report.outcome === 'refused' ? 'error' : 'info', {
    event: 'reload',
    outcome: report.outcome,
    revision: report.revision ?? '',
    rules: report.rules,
    issues: report.issues.length,
    took_ms: Math.round(report.took),
  })
}

function logAccident(log: Log, where: string, error: unknown): void {
  const fault = error instanceof Error ? error : new Error('not an error')
  log.event('error', {
    event: 'accident',
    where,
    error: fault.name,
    stack: (fault.stack ?? '').split('\n').slice(1, 6).join('; '),
  })
}
