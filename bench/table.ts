/** Prints what was measured as a table: medians, and ratios within a round with their range. */
import {
  type BenchmarkCase,
  type Load,
  type MeasurementOptions,
  measureCases,
  type Sample,
} from './compare.ts'

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number

interface Column {
  readonly title: string
  readonly cell: (medianOf: (pick: (sample: Sample) => number) => number) => string
}

const column = (title: string, pick: (sample: Sample) => number, digits: number): Column => ({
  title,
  cell: medianOf => medianOf(pick).toFixed(digits),
})

const CPU = column('CPU µs a Check', sample => sample.cpuMicrosPerCheck, 1)

const SATURATION: readonly Column[] = [
  column('Checks/s', sample => sample.checksPerSecond, 0),
  CPU,
  column('server busy %', sample => sample.busy * 100, 0),
  column('client µs', sample => sample.clientMicrosPerCheck, 1),
  column('p99 ms', sample => sample.p99Ms, 2),
  {
    title: 'MB idle → loaded',
    cell: medianOf =>
      `${medianOf(sample => sample.idleMemoryMb).toFixed(0)} → ${medianOf(sample => sample.memoryMb).toFixed(0)}`,
  },
  column('ms to ready', sample => sample.startupMs, 0),
  column('calls to Kratos a Check', sample => sample.callsPerCheck, 3),
]

const FIXED_RATE: readonly Column[] = [
  column('p50 ms', sample => sample.p50Ms, 3),
  column('p99 ms', sample => sample.p99Ms, 3),
  CPU,
]

/** What a ratio compares. */
const RATIO_OF = {
  'CPU a Check': (sample: Sample) => sample.cpuMicrosPerCheck + sample.proxyMicrosPerCheck,
  p50: (sample: Sample) => sample.p50Ms,
  p99: (sample: Sample) => sample.p99Ms,
}
type Ratio = keyof typeof RATIO_OF

const PROXY: readonly Column[] = [
  column('CPU µs of Envoy', sample => sample.proxyMicrosPerCheck, 1),
  {
    title: 'of both',
    cell: medianOf => medianOf(sample => sample.cpuMicrosPerCheck + sample.proxyMicrosPerCheck).toFixed(1),
  },
]

interface Comparison {
  readonly benchmarks: readonly BenchmarkCase[]
  /** The cases to which the others are compared. Default: the first one. */
  readonly baselines?: readonly BenchmarkCase[]
  readonly load?: Load
  /** Whether an Envoy is in front of the servers. Ratios then compare the CPU time of both. */
  readonly proxy?: boolean
}

/** Measures and prints a table: at saturation, or of latencies where the load has a fixed rate. */
export async function compare(comparison: Comparison, options: MeasurementOptions): Promise<void> {
  const { benchmarks, baselines = benchmarks.slice(0, 1), load = {}, proxy = false } = comparison
  const samples = await measureCases(benchmarks, options, load)
  const isFixedRate = load.ratePerSecond !== undefined
  const ratios: readonly Ratio[] = isFixedRate ? ['p50', 'p99'] : ['CPU a Check']
  const columns = [...(isFixedRate ? FIXED_RATE : SATURATION), ...(proxy ? PROXY : [])]
  const titles = baselines.flatMap(({ name }) => ratios.map(ratio => `${ratio} to ${name} [range]`))
  const header = ['server', ...columns.map(({ title }) => title), ...titles]
  const rows = [...samples].map(([{ name }, list]) => [
    name,
    ...columns.map(({ cell }) => cell(pick => median(list.map(pick)))),
    ...baselines.flatMap(baseline =>
      ratios.map(ratio => ratioCell(list, samples.get(baseline) ?? [], RATIO_OF[ratio])),
    ),
  ])
  const lines = [header, header.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`)
  console.log(`\n${lines.join('\n')}`)
}

/** The samples of both lists belong to the same rounds. */
function ratioCell(
  samples: readonly Sample[],
  baseline: readonly Sample[],
  pick: (sample: Sample) => number,
): string {
  const ratios = samples.map((sample, i) => pick(sample) / pick(baseline[i] as Sample))
  return `${median(ratios).toFixed(2)} [${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}]`
}
