/** Measures the delay of the event loop, for shedding, readiness and metrics. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createOverloadMonitor, type OverloadMonitor } from '../access/overload.ts'
import { type SettingValues, setting } from '../config/setting.ts'
import { duration, wholeNumber } from '../config/value_types.ts'
import type { Clock } from '../lib/time.ts'
import type { EventLoopDelay } from '../telemetry/event_loop_delay.ts'
import type { Shutdown } from './shutdown.ts'

export const overloadSettings = {
  maxChecksInProgress: setting('serve.overload.max_checks_in_progress', wholeNumber(1), {
    default: 5000,
    description:
      'Maximum number of Checks and calls of /decisions that wait for another service; further ones get 503 at once.',
    credenceOnly: true,
  }),
  maxEventLoopDelay: setting('serve.overload.max_event_loop_delay', duration(), {
    default: '250ms',
    description:
      'Delay of the event loop above which Checks and calls of /decisions get 503 at once, when it lasts for 250 ms. When it lasts for 3 s, Credence also reports not ready. 0s disables both.',
    credenceOnly: true,
  }),
}

const SAMPLE_INTERVAL_MS = 20

/** Measures the delay for metrics, until the shutdown. */
export function measureEventLoopDelay(shutdown: Shutdown): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: 10 })
  histogram.enable()
  shutdown.onClose(() => histogram.disable())
  return histogram
}

export interface OverloadDependencies {
  readonly clock: Pick<Clock, 'now'>
  readonly shutdown: Shutdown
  /** Called when the event loop's delay begins or ends to shed requests. */
  readonly onChange: (shedding: boolean) => void
  /** Called when `stalled` of the monitor changes. */
  readonly onStalled: () => void
}

/** Samples the delay until the shutdown. */
export function startOverloadMonitor(
  settings: SettingValues,
  { clock, shutdown, onChange, onStalled }: OverloadDependencies,
): OverloadMonitor {
  const maxDelayMs = settings.get(overloadSettings.maxEventLoopDelay)
  const monitor = createOverloadMonitor({
    maxInProgress: settings.get(overloadSettings.maxChecksInProgress),
    maxDelayMs: maxDelayMs === 0 ? undefined : maxDelayMs,
    onChange,
  })
  let last = clock.now()
  const timer = setInterval(() => {
    const now = clock.now()
    const wasStalled = monitor.stalled
    monitor.sampleDelay(now - last - SAMPLE_INTERVAL_MS, now)
    if (monitor.stalled !== wasStalled) onStalled()
    last = now
  }, SAMPLE_INTERVAL_MS).unref()
  shutdown.onClose(() => clearInterval(timer))
  return monitor
}
