/** Compares servers: a new process for each sample, alternating order, medians, and ratios within one round. */
import { spawn } from 'node:child_process'
import { json } from 'node:stream/consumers'
import { type FakeKratos, startFakeKratos } from './fake_kratos.ts'
import type { LoadJob, LoadResult, Workload } from './load.ts'
import { sessionCheck } from './rules_and_checks.ts'
import { pinnedCommand, type RunningServer, startReferenceServer } from './servers.ts'

export interface MeasurementOptions {
  readonly rounds: number
  /** Duration of one measurement. */
  readonly measureSeconds: number
  /** Duration of the warm-up before each measurement. */
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
  /** Calls to the fake Kratos per Check. */
  readonly callsPerCheck: number
}

const MAX_IN_FLIGHT = 64

/** The baseline of all ratios: a server that allows everything, on grpc-js and proto-loader. */
export const NOOP: BenchmarkCase = {
  name: 'no-op, grpc-js and proto-loader',
  start: () => startReferenceServer('noop_server'),
  workload: { messages: [sessionCheck(10).toString('base64')], expected: 'guest' },
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
  { measureSeconds, warmupSeconds }: MeasurementOptions,
): Promise<Sample> {
  const kratos = await startFakeKratos()
  const server = await benchmark.start(kratos)
  try {
    const idleMemoryMb = server.memoryMb()
    const job = (seconds: number, from: number): LoadJob => ({
      target: server.address,
      maxInFlight: MAX_IN_FLIGHT,
      seconds,
      workloads: [{ ...benchmark.workload, name: 'all', ...continueCounter(benchmark.workload, from) }],
    })
    const warmupResult = await runLoad(job(warmupSeconds, 0))
    const [cpu, calls] = [server.cpuMicros(), kratos.callCount()]
    const { seconds: elapsedSeconds, workloads } = await runLoad(
      job(measureSeconds, warmupResult.workloads.all?.completed ?? 0),
    )
    const { completed: done = 0, wrong = 0 } = workloads.all ?? {}
    if (wrong > 0) throw new Error(`${benchmark.name}: ${wrong} of ${done} responses were wrong`)
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

/** Continues the numbering after the warm-up, so that no session is sent twice. */
const continueCounter = ({ counter }: BenchmarkCase['workload'], from: number) =>
  counter === undefined ? {} : { counter: { at: counter.at, from: counter.from + from } }

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number

/** Prints a table. The first benchmark is the baseline of the ratios. */
export async function compare(
  benchmarks: readonly BenchmarkCase[],
  options: MeasurementOptions,
): Promise<void> {
  const samples = new Map(benchmarks.map(benchmark => [benchmark, [] as Sample[]]))
  for (let round = 0; round < options.rounds; round++) {
    // Every other round runs in reverse order, so that no server always runs first.
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
