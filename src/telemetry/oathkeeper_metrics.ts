/** telemetry/oathkeeper_metrics — the two metrics that Oathkeeper has, for the boards that people have. Knows methods and statuses, no decision. */
import type { Attributes, Meter } from '@opentelemetry/api'

/** Oathkeeper's. */
const OATHKEEPER_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const METHODS: ReadonlySet<string> = new Set([
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

export interface OathkeeperMetrics {
  /** `serve.prometheus.metric_name_prefix`. */
  readonly prefix: string
  /** `serve.prometheus.hide_request_paths`: the label `request` is empty. */
  readonly hidden: boolean
}

/** Their `request` is `/decisions`, never the path of a user's request. */
export function createOathkeeperMetrics(meter: Meter, { prefix, hidden }: OathkeeperMetrics) {
  const labelsOf = new Map<string, Attributes>()
  const counts = new Map<string, number>()
  meter
    .createObservableCounter(`${prefix}requests`, { description: 'Total number of requests' })
    .addCallback(result => {
      for (const [key, count] of counts) result.observe(count, labelsOf.get(key))
    })
  const duration = meter.createHistogram(`${prefix}requests_duration_seconds`, {
    description: 'Time spent serving requests.',
    advice: { explicitBucketBoundaries: OATHKEEPER_BUCKETS },
  })
  return (method: string, status: number, milliseconds: number): void => {
    const known = METHODS.has(method) ? method : 'OTHER'
    const key = `${known} ${status}`
    let labels = labelsOf.get(key)
    if (labels === undefined) {
      labels = {
        service: 'oathkeeper-api',
        method: known,
        request: hidden ? '' : '/decisions',
        status_code: String(status),
      }
      labelsOf.set(key, labels)
    }
    counts.set(key, (counts.get(key) ?? 0) + 1)
    duration.record(milliseconds / 1000, labels)
  }
}
