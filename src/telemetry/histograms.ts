/** telemetry/histograms — spread of times, counted here and given to the readers when they ask: the SDK's own instrument hashes the labels of every value, which costs as much as the decision. */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'

/** The values of one set of labels. */
export interface Series {
  readonly count: number
  readonly labels: Attributes
  record(value: number): void
}

export interface Histogram {
  /** A further set of labels; whoever asks keeps it. */
  series(labels: Attributes): Series
}

/** Cumulative, whatever temporality a reader would like: the choice of a producer (OpenTelemetry, MetricProducer). */
export interface Histograms extends MetricProducer {
  /** `bounds` ascend; a value belongs to the first that is not below it. */
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

/** `wall`: milliseconds since the epoch. `resource` and `scope` as the meter of the other instruments has them. */
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
