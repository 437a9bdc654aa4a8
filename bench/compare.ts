/** Compares servers: all run at once, are loaded in turn in short rounds, and their ratios are taken within a round. */
import { type FakeKratos, startFakeKratos } from './fake_kratos.ts'
import type { LoadJob, Workload } from './load/job.ts'
import { type LoadGenerator, startLoadGenerator } from './load/load_generator.ts'
import type { RunningServer } from './servers.ts'

export interface MeasurementOptions {
  /** How often all servers are started anew, because a process may run in another state of V8 than the one before. */
  readonly restarts: number
  /** Rounds after each start. */
  readonly rounds: number
  /** Duration of one measurement. */
  readonly measureSeconds: number
  /** Duration of the warm-up after each start. */
  readonly warmupSeconds: number
}

export interface BenchmarkCase {
  readonly name: string
  readonly start: (kratos: FakeKratos) => Promise<RunningServer>
  readonly workload: Omit<Workload, 'name'>
  /** A CheckRequest that the server must deny, and a text of the denial. */
  readonly denied?: { readonly message: string; readonly expected: string }
}

/** The load, the same for all cases of a comparison. */
export type Load = Partial<Pick<LoadJob, 'protocol' | 'maxInFlight' | 'ratePerSecond'>>

export interface Sample {
  readonly checksPerSecond: number
  readonly cpuMicrosPerCheck: number
  /** CPU time of the Envoy in front of the server; 0 without one. */
  readonly proxyMicrosPerCheck: number
  /** CPU time of the load generator. */
  readonly clientMicrosPerCheck: number
  /** Share of the time in which the server was running. Below 0.9 the load generator is the limit. */
  readonly busy: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly idleMemoryMb: number
  readonly memoryMb: number
  readonly startupMs: number
  /** Calls to the fake Kratos per Check. */
  readonly callsPerCheck: number
}

const IN_FLIGHT = 64

interface Subject {
  readonly benchmark: BenchmarkCase
  readonly kratos: FakeKratos
  readonly server: RunningServer
  readonly idleMemoryMb: number
  /** Number of the next session, so that no session is sent twice. */
  from: number
}

/** Resolves to one sample of each case for each round, in the order of the rounds. */
export async function measureCases(
  benchmarks: readonly BenchmarkCase[],
  options: MeasurementOptions,
  load: Load = {},
): Promise<ReadonlyMap<BenchmarkCase, readonly Sample[]>> {
  const samples = new Map(benchmarks.map(benchmark => [benchmark, [] as Sample[]]))
  const generator = startLoadGenerator()
  try {
    for (let start = 0; start < options.restarts; start++) {
      const subjects: Subject[] = []
      try {
        for (const benchmark of benchmarks) subjects.push(await startSubject(benchmark))
        for (const subject of subjects) await verify(generator, subject)
        for (const subject of subjects) await runLoad(generator, subject, load, options.warmupSeconds)
        for (let round = 0; round < options.rounds; round++)
          // Every other round runs in reverse order, so that no server always runs first.
          for (const subject of round % 2 === 0 ? subjects : subjects.toReversed())
            samples
              .get(subject.benchmark)
              ?.push(await runLoad(generator, subject, load, options.measureSeconds))
        for (const subject of subjects) await verify(generator, subject)
      } finally {
        for (const { server, kratos } of subjects) {
          await server.stop()
          kratos.close()
        }
      }
    }
  } finally {
    generator.close()
  }
  return samples
}

async function startSubject(benchmark: BenchmarkCase): Promise<Subject> {
  const kratos = await startFakeKratos()
  const server = await benchmark.start(kratos)
  return { benchmark, kratos, server, idleMemoryMb: server.memoryMb(), from: 0 }
}

/** Before and after the load: the server must allow the good credential and deny the wrong one. */
async function verify(
  generator: LoadGenerator,
  { benchmark: { name, workload, denied }, server }: Subject,
): Promise<void> {
  const cases = [
    [workload.messages[0] as string, workload.expected],
    ...(denied === undefined ? [] : [[denied.message, denied.expected]]),
  ] as const
  for (const [message, expected] of cases) {
    const { workloads } = await generator.run({
      target: server.address,
      ...(server.protocol === undefined ? {} : { protocol: server.protocol }),
      maxInFlight: 1,
      seconds: 10,
      checks: 1,
      workloads: [{ name: 'verify', messages: [message as string], expected: expected as string }],
    })
    const { completed = 0, wrong = 0 } = workloads.verify ?? {}
    if (completed !== 1 || wrong !== 0) throw new Error(`${name}: no response with "${expected}"`)
  }
}

async function runLoad(
  generator: LoadGenerator,
  subject: Subject,
  load: Load,
  seconds: number,
): Promise<Sample> {
  const { benchmark, server, kratos } = subject
  const { workload } = benchmark
  const counter =
    workload.counter === undefined
      ? {}
      : { counter: { at: workload.counter.at, from: workload.counter.from + subject.from } }
  const [cpu, proxyCpu, calls] = [server.cpuMicros(), server.proxyCpuMicros?.() ?? 0, kratos.callCount()]
  const result = await generator.run({
    target: server.address,
    ...(server.protocol === undefined ? {} : { protocol: server.protocol }),
    maxInFlight: IN_FLIGHT,
    ...load,
    seconds,
    workloads: [{ ...workload, ...counter, name: 'all' }],
  })
  const cpuMicros = server.cpuMicros() - cpu
  const proxyMicros = (server.proxyCpuMicros?.() ?? 0) - proxyCpu
  const all = result.workloads.all
  if (all === undefined || all.wrong > 0)
    throw new Error(`${benchmark.name}: ${all?.wrong} of ${all?.completed} responses were wrong`)
  subject.from += all.completed
  const sample: Sample = {
    checksPerSecond: all.completed / result.seconds,
    cpuMicrosPerCheck: cpuMicros / all.completed,
    proxyMicrosPerCheck: proxyMicros / all.completed,
    clientMicrosPerCheck: result.cpuMicros / all.completed,
    busy: (cpuMicros + proxyMicros) / 1e6 / result.seconds,
    p50Ms: all.p50Ms,
    p99Ms: all.p99Ms,
    idleMemoryMb: subject.idleMemoryMb,
    memoryMb: server.memoryMb(),
    startupMs: server.startupMs,
    callsPerCheck: (kratos.callCount() - calls) / all.completed,
  }
  console.error(
    `${benchmark.name}: ${Math.round(sample.checksPerSecond)}/s, ${sample.cpuMicrosPerCheck.toFixed(1)} µs, p99 ${sample.p99Ms.toFixed(2)} ms`,
  )
  return sample
}
