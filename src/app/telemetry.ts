/** Starts log, traces and metrics as the configuration says. */
import { recentActivityLimits } from '../api/admin/settings.ts'
import type { Clock } from '../lib/time.ts'
import { createDecisionPrivacy, type DecisionPrivacy } from '../telemetry/decision_privacy.ts'
import { createInstruments, type Instruments, type ObservedState } from '../telemetry/instruments.ts'
import { internalErrorEvent } from '../telemetry/internal_error.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { createRecentActivity, type RecentActivity } from '../telemetry/recent_activity.ts'
import {
  decisionPrivacyOptions,
  logFormat,
  logLevel,
  metricsOptions,
  prometheusSettings,
  serviceName,
  tracingOptions,
} from '../telemetry/settings.ts'
import { startTracing, type Tracing } from '../telemetry/tracing.ts'
import { version } from '../version.ts'
import type { Config } from './config.ts'
import type { Shutdown } from './shutdown.ts'

export interface Telemetry {
  readonly log: Log
  readonly tracing: Tracing | undefined
  readonly metrics: Metrics
  readonly instruments: Instruments
  readonly privacy: DecisionPrivacy
  /** `undefined` where the admin API is not enabled. */
  readonly recent: RecentActivity | undefined
  /** Logs an error that indicates a bug: where it was caught and its class, never its message. */
  readonly logInternalError: (where: string, error: unknown) => void
}

/** The log is closed last, so that it can say how the rest has ended; `onStopped` logs before that. */
export async function startTelemetry(
  config: Config,
  dependencies: {
    readonly clock: Clock
    readonly env: NodeJS.ProcessEnv
    readonly shutdown: Shutdown
    readonly observed: ObservedState
    readonly onStopped: (log: Log) => void
  },
): Promise<Telemetry> {
  const { clock, env, shutdown } = dependencies
  const limits = recentActivityLimits(config)
  const recent = limits && createRecentActivity({ ...limits, wall: clock.wall })
  const log = await createLog({
    // A reload that changes nothing is logged at this level.
    onEvent: recent && ((level, event) => level !== 'debug' && recent.addEvent(level, event)),
    level: logLevel(config),
    format: logFormat(config),
    name: serviceName(config),
    version,
    wall: clock.wall,
  })
  shutdown.onClose(() => {
    dependencies.onStopped(log)
    log.close()
  })
  const tracing = await startTracing(tracingOptions(config), version, env)
  shutdown.onClose(() => tracing?.stop())
  const metrics = await createMetrics({ ...metricsOptions(config), version, env, wall: clock.wall })
  shutdown.onClose(() => metrics.stop())
  const oathkeeperMetrics = {
    prefix: config.get(prometheusSettings.prefix),
    hideRequestPaths: config.get(prometheusSettings.hideRequestPaths),
  }
  return {
    log,
    tracing,
    metrics,
    recent,
    privacy: createDecisionPrivacy(decisionPrivacyOptions(config)),
    instruments: createInstruments(metrics, oathkeeperMetrics, dependencies.observed, clock.now),
    logInternalError: (where, error) => log.event('error', internalErrorEvent(where, error)),
  }
}
