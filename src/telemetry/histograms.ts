/** Histograms that the exporters collect. The SDK's own instrument hashes the labels of every value, which takes as long as a decision. */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'

/** Values for one set of labels. */
export interface Series {
  readonly count: number
  readonly labels: Attributes
  record(value: number): void
}

export interface Histogram {
  /** Creates a series for a new set of labels. The caller keeps it. */
  series(labels: Attributes): Series
}

/** Always cumulative: a MetricProducer of OpenTelemetry chooses the temporality itself. */
export interface Histograms extends MetricProducer {
  /** `bounds`: upper bounds of the buckets, ascending and inclusive. */
  create(name: string, description: string, bounds: readonly number[]): Histogram
}

interface HistogramFamily {
  readonly name: string
  readonly description: string
  readonly series: HistogramSeries[]
}

class HistogramSeries implements Series {
  readonly labels: Attributes
  readonly bounds: readonly number[]
  readonly counts: number[]
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY

  constructor(labels: Attributes, bounds: readonly number[]) {
    this.labels = labels
    this.bounds = bounds
    this.counts = new Array(bounds.length + 1).fill(0)
  }

  record(value: number): void {
    const { bounds, counts } = this
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++
    counts[bucket] = (counts[bucket] as number) + 1
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }
}

/** `wall`: ms since the epoch. `resource` and `scope` must be those of the meter. */
export function createHistograms(
  scope: { readonly name: string; readonly version: string },
  resource: Resource,
  wall: () => number,
): Histograms {
  const families: HistogramFamily[] = []
  const startTime = hrTime(wall())

  const toMetricData = (
    { name, description, series }: HistogramFamily,
    endTime: HrTime,
  ): HistogramMetricData => ({
    descriptor: { name, description, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: series
      .filter(one => one.count > 0)
      .map(({ labels, bounds, counts, count, sum, min, max }) => ({
        startTime,
        endTime,
        attributes: labels,
        value: { buckets: { boundaries: [...bounds], counts: [...counts] }, count, sum, min, max },
      })),
  })

  return {
    create(name, description, bounds) {
      const family: HistogramFamily = { name, description, series: [] }
      families.push(family)
      return {
        series(labels) {
          const created = new HistogramSeries(labels, bounds)
          family.series.push(created)
          return created
        },
      }
    },
    async collect() {
      const now = hrTime(wall())
      const metrics = families
        .map(family => toMetricData(family, now))
        .filter(one => one.dataPoints.length > 0)
      return { resourceMetrics: { resource, scopeMetrics: [{ scope, metrics }] }, errors: [] }
    },
  }
}

const hrTime = (milliseconds: number): HrTime => [
  Math.floor(milliseconds / 1000),
  Math.round((milliseconds % 1000) * 1e6),
]
