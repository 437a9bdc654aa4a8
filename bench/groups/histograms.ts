/** Measures the cost of recording one value in Credence's histograms against the histogram instrument of the OpenTelemetry SDK. */
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { createHistograms } from '../../src/telemetry/histograms.ts'
import { median } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const BOUNDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1]
/** Labels as those of a decision. */
const LABELS = { rule: 'rule-7', decision: 'allow', code: 'ok' }

export const histograms: BenchmarkGroup = {
  description: 'recording a value: the histograms of Credence against those of the OpenTelemetry SDK',
  async run({ rounds, measureSeconds }) {
    const values = measureSeconds < 1 ? 100_000 : 2_000_000
    const credence = createHistograms({ name: 'bench', version: '0' }, resourceFromAttributes({}), Date.now)
      .create('duration', '', BOUNDS)
      .series(LABELS)
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
    const sdk = provider
      .getMeter('bench')
      .createHistogram('duration', { advice: { explicitBucketBoundaries: [...BOUNDS] } })
    const recorders: Readonly<Record<string, (value: number) => void>> = {
      Credence: value => credence.record(value),
      'OpenTelemetry SDK': value => sdk.record(value, LABELS),
    }
    console.log('\n| histogram | ns a value |\n|---|---|')
    for (const [name, record] of Object.entries(recorders)) {
      const nanoseconds = Array.from({ length: rounds + 1 }, () => measure(record, values)).slice(1)
      console.log(`| ${name} | ${median(nanoseconds).toFixed(0)} |`)
    }
    await provider.shutdown()
  },
}

/** Returns the time of one value in ns. */
function measure(record: (value: number) => void, values: number): number {
  const started = performance.now()
  for (let i = 0; i < values; i++) record((i % 1000) / 1000)
  return ((performance.now() - started) * 1e6) / values
}
