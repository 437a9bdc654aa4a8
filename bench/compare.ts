/** bench/compare — rows against one another: fresh processes for every sample, alternating order, medians; the ratio is taken within a round. */
import { spawn } from 'node:child_process'
import { json } from 'node:stream/consumers'
import { sessionCheck } from './checks.ts'
import { type FakeKratos, startFakeKratos } from './kratos.ts'
import type { LoadJob, LoadResult, Workload } from './load.ts'
import { pinnedCommand, type RunningServer, startReferenceServer } from './servers.ts'

export interface MeasurementOptions {
  readonly rounds: number
  /** Of one measurement and of the warming up before it. */
  readonly measureSeconds: number
  readonly warmupSeconds: number
}

export interface BenchmarkCase {
  readonly name: string
  readonly start: (kratos: FakeKratos) => Promise<RunningServer>
  readonly workload: Omit<Workload, 'name'>
}

interface Sample {
  readonly checksPerSecond: number
  readonly cpuMicrosPerCheck: number
  readonly idleMemoryMb: number
  readonly loadedMemoryMb: number
  readonly startupMs: number
  /** Of Kratos or another service, per Check. */
  readonly callsPerCheck: number
}

const MAX_IN_FLIGHT = 64

/** The measure for everything: a no-op on the same libraries, as anybody would write it. */
export const NOOP: BenchmarkCase = {
  name: 'no-op, grpc-js and proto-loader',
  start: () => startReferenceServer('noop_server'),
  workload: { messages: [sessionCheck(10).toString('base64')], expected: 'nobody' },
}

export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const [command, ...args] = pinnedCommand(1, [new URL('./load.ts', import.meta.url).pathname])
  const child = spawn(command as string, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(job))
  const ended = new Promise(resolve => child.once('exit', resolve))
  const result = (await json(child.stdout)) as LoadResult
  await ended
  return result
}

async function measure(
  benchmark: BenchmarkCase,
  { measureSeconds: seconds, warmupSeconds: warmup }: MeasurementOptions,
): Promise<Sample> {
  const kratos = await startFakeKratos()
  const server = await benchmark.start(kratos)
  try {
    const idleMemoryMb = server.memoryMb()
    const job = (time: number, from: number): LoadJob => ({
      target: server.address,
      maxInFlight: MAX_IN_FLIGHT,
      seconds: time,
      workloads: [{ ...benchmark.workload, name: 'all', ...continueCounter(benchmark.workload, from) }],
    })
    const warmupResult = await runLoad(job(warmup, 0))
    const [cpu, calls] = [server.cpuMicros(), kratos.callCount()]
    const { seconds: elapsedSeconds, workloads: kinds } = await runLoad(
      job(seconds, warmupResult.workloads.all?.completed ?? 0),
    )
    const { completed: done = 0, wrong = 0 } = kinds.all ?? {}
    if (wrong > 0) throw new Error(`${benchmark.name}: ${wrong} of ${done} answers were wrong`)
    return {
      checksPerSecond: done / elapsedSeconds,
      cpuMicrosPerCheck: (server.cpuMicros() - cpu) / done,
      idleMemoryMb,
      loadedMemoryMb: server.memoryMb(),
      startupMs: server.startupMs,
      callsPerCheck: (kratos.callCount() - calls) / done,
    }
  } finally {
    await server.stop()
    kratos.close()
  }
}

/** Digits that count go on where the warming up stopped, so that nothing is asked twice. */
const continueCounter = ({ counter }: BenchmarkCase['workload'], from: number) =>
  counter === undefined ? {} : { counter: { at: counter.at, from: counter.from + from } }

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number

/** Prints a table; the first row is what the others are compared with. */
export async function compare(
  benchmarks: readonly BenchmarkCase[],
  options: MeasurementOptions,
): Promise<void> {
  const samples = new Map(benchmarks.map(benchmark => [benchmark, [] as Sample[]]))
  for (let round = 0; round < options.rounds; round++) {
    // Every other round the other way round, so that nobody always comes first.
    for (const row of round % 2 === 0 ? benchmarks : benchmarks.toReversed()) {
      const sample = await measure(row, options)
      samples.get(row)?.push(sample)
      const { checksPerSecond: rate, cpuMicrosPerCheck: cpu } = sample
      console.error(
        `round ${round + 1}/${options.rounds}  ${row.name}: ${Math.round(rate)}/s, ${cpu.toFixed(1)} µs`,
      )
    }
  }
  const baseline = samples.get(benchmarks[0] as BenchmarkCase) as Sample[]
  console.log(
    '\n| server | Checks/s | CPU µs a Check | ratio [range] | MB idle → loaded | ms to ready | calls a Check |',
  )
  console.log('|---|---|---|---|---|---|---|')
  for (const [row, list] of samples) {
    const medianOf = (pick: (sample: Sample) => number) => median(list.map(pick))
    const ratios = list.map(
      (sample, i) => sample.cpuMicrosPerCheck / (baseline[i] as Sample).cpuMicrosPerCheck,
    )
    const range = `[${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}]`
    console.log(
      `| ${row.name} | ${Math.round(medianOf(s => s.checksPerSecond))} | ${medianOf(s => s.cpuMicrosPerCheck).toFixed(1)} | ${median(ratios).toFixed(2)} ${range} | ` +
        `${Math.round(medianOf(s => s.idleMemoryMb))} → ${Math.round(medianOf(s => s.loadedMemoryMb))} | ${Math.round(medianOf(s => s.startupMs))} | ${medianOf(s => s.callsPerCheck).toFixed(3)} |`,
    )
  }
}
