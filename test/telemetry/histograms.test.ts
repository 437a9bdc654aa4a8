import assert from 'node:assert/strict'
import test from 'node:test'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  type DataPoint,
  type Histogram,
  MeterProvider,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { createHistograms } from '../../src/telemetry/histograms.ts'

const resource = resourceFromAttributes({})
const scope = { name: 'credence', version: '1' }

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

const points = ({ scopeMetrics }: ResourceMetrics) =>
  scopeMetrics.flatMap(({ metrics }) =>
    metrics.flatMap(metric => metric.dataPoints as DataPoint<Histogram>[]),
  )

test('values are in the same buckets as in the SDK’s own histogram', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.oneof(fc.integer({ min: 0, max: 21 }), fc.double({ min: 0, max: 21, noNaN: true })), {
        minLength: 1,
        maxLength: 30,
      }),
      async (unsorted, values) => {
        const bounds = unsorted.toSorted((a, b) => a - b)
        const ours = createHistograms(scope, resource, () => 0)
        const reader = new Reader({ metricProducers: [ours] })
        const meter = new MeterProvider({ readers: [reader] }).getMeter('sdk')
        const theirs = meter.createHistogram('h', { advice: { explicitBucketBoundaries: bounds } })
        const series = ours.create('h', '', bounds).series({ decision: 'allow' })
        for (const value of values) {
          theirs.record(value, { decision: 'allow' })
          series.record(value)
        }
        const [sdk, own] = points((await reader.collect()).resourceMetrics)
        assert.deepEqual(own?.value, sdk?.value)
        assert.deepEqual(own?.attributes, sdk?.attributes)
      },
    ),
    { numRuns: 100 },
  )
})

test('a data point has start and end time, and a series without values is left out', async () => {
  let now = 1_700_000_000_500
  const histograms = createHistograms(scope, resource, () => now)
  const times = histograms.create('times', 'about times', [1])
  const [used] = [times.series({ a: 'used' }), times.series({ a: 'unused' })]
  histograms.create('nobody', '', [1]).series({})
  used?.record(1)
  now += 1_250
  const { resourceMetrics } = await histograms.collect()
  assert.deepEqual(
    resourceMetrics.scopeMetrics[0]?.metrics.map(one => one.descriptor.name),
    ['times'],
  )
  const [point, ...more] = points(resourceMetrics)
  assert.equal(more.length, 0)
  assert.deepEqual(point?.startTime, [1_700_000_000, 500_000_000])
  assert.deepEqual(point?.endTime, [1_700_000_001, 750_000_000])
})
