/** The two metrics of Oathkeeper, for existing dashboards. */
import type { Series } from './histograms.ts'
import type { Metrics } from './metrics.ts'

/** The buckets of Oathkeeper. */
const OATHKEEPER_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const LABELLED_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
])

export interface OathkeeperMetricsOptions {
  /** `serve.prometheus.metric_name_prefix`. */
  readonly prefix: string
  /** `serve.prometheus.hide_request_paths`: leaves the label `request` empty. */
  readonly hideRequestPaths: boolean
}

/** The label `request` is always `/decisions`, never the path of a user's request. */
export function createOathkeeperMetrics(
  { meter, histograms }: Pick<Metrics, 'meter' | 'histograms'>,
  { prefix, hideRequestPaths: hidden }: OathkeeperMetricsOptions,
) {
  const seriesByKey = new Map<string, Series>()
  meter
    .createObservableCounter(`${prefix}requests`, { description: 'Total number of requests' })
    .addCallback(result => {
      for (const { count, labels } of seriesByKey.values()) result.observe(count, labels)
    })
  const duration = histograms.create(
    `${prefix}requests_duration_seconds`,
    'Time spent serving requests.',
    OATHKEEPER_BUCKETS_SECONDS,
  )
  return (sentMethod: string, status: number, milliseconds: number): void => {
    const method = LABELLED_METHODS.has(sentMethod) ? sentMethod : 'OTHER'
    const key = `${method} ${status}`
    let series = seriesByKey.get(key)
    if (series === undefined) {
      series = duration.series({
        service: 'oathkeeper-api',
        method,
        request: hidden ? '' : '/decisions',
        status_code: String(status),
      })
      seriesByKey.set(key, series)
    }
    series.record(milliseconds / 1000)
  }
}
