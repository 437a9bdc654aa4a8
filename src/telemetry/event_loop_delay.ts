/** Gauges of the event loop's delay, named after OpenTelemetry's `nodejs.eventloop.delay.*`. */
import type { Meter } from '@opentelemetry/api'
import { descriptionOf } from './metric_definitions.ts'

/** A histogram of delays in ns, as `perf_hooks.monitorEventLoopDelay` returns it. */
export interface EventLoopDelay {
  readonly max: number
  percentile(percentile: number): number
  reset(): void
}

const NANOSECONDS_PER_SECOND = 1e9

/** Each collection reports the time since the one before, so that a short delay is not lost among hours. */
export function observeEventLoopDelay(meter: Meter, delay: EventLoopDelay): void {
  const gauge = (name: Parameters<typeof descriptionOf>[0]) =>
    meter.createObservableGauge(name, descriptionOf(name))
  const p50 = gauge('nodejs_eventloop_delay_p50_seconds')
  const p99 = gauge('nodejs_eventloop_delay_p99_seconds')
  const max = gauge('nodejs_eventloop_delay_max_seconds')
  meter.addBatchObservableCallback(
    result => {
      result.observe(p50, delay.percentile(50) / NANOSECONDS_PER_SECOND)
      result.observe(p99, delay.percentile(99) / NANOSECONDS_PER_SECOND)
      result.observe(max, delay.max / NANOSECONDS_PER_SECOND)
      delay.reset()
    },
    [p50, p99, max],
  )
}
