/** bench/compare — rows against one another: fresh processes for every sample, alternating order, medians; the ratio is taken within a round. */
import { spawn } from 'node:child_process'
import { json } from 'node:stream/consumers'
import { sessionCheck } from './checks.ts'
import { type FakeKratos, startKratos } from './kratos.ts'
import type { Job, Kind, Result } from './load.ts'
import { onCore, type Running, startPlain } from './servers.ts'

export interface Effort {
  readonly rounds: number
  /** Of one measurement and of the warming up before it. */
  readonly seconds: number
  readonly warmup: number
}

export interface Row {
  readonly name: string
  readonly start: (kratos: FakeKratos) => Promise<Running>
  readonly kind: Omit<Kind, 'name'>
}

interface Sample {
  readonly rate: number
  readonly cpu: number
  readonly idle: number
  readonly loaded: number
  readonly startup: number
  /** Of Kratos or another service, per Check. */
  readonly calls: number
}

const IN_FLIGHT = 64

/** The measure for everything: a no-op on the same libraries, as anybody would write it. */
export const NOOP: Row = {
  name: 'no-op, grpc-js and proto-loader',
  start: () => startPlain('noop_server'),
  kind: { bodies: [sessionCheck(10).toString('base64')], wanted: 'nobody' },
}

export async function load(job: Job): Promise<Result> {
  const [command, ...args] = onCore(1, [new URL('./load.ts', import.meta.url).pathname])
  const child = spawn(command as string, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(job))
  const ended = new Promise(resolve => child.once('exit', resolve))
  const result = (await json(child.stdout)) as Result
  await ended
  return result
}

async function measure(row: Row, { seconds, warmup }: Effort): Promise<Sample> {
  const kratos = await startKratos()
  const server = await row.start(kratos)
  try {
    const idle = server.memory()
    const job = (time: number, from: number): Job => ({
      target: server.address,
      inFlight: IN_FLIGHT,
      seconds: time,
      kinds: [{ ...row.kind, name: 'all', ...startingAt(row.kind, from) }],
    })
    const warm = await load(job(warmup, 0))
    const [cpu, calls] = [server.cpu(), kratos.calls()]
    const { seconds: took, kinds } = await load(job(seconds, warm.kinds.all?.done ?? 0))
    const { done = 0, wrong = 0 } = kinds.all ?? {}
    if (wrong > 0) throw new Error(`${row.name}: ${wrong} of ${done} answers were wrong`)
    return {
      rate: done / took,
      cpu: (server.cpu() - cpu) / done,
      idle,
      loaded: server.memory(),
      startup: server.startup,
      calls: (kratos.calls() - calls) / done,
    }
  } finally {
    await server.stop()
    kratos.close()
  }
}

/** Digits that count go on where the warming up stopped, so that nothing is asked twice. */
const startingAt = ({ counter }: Row['kind'], from: number) =>
  counter === undefined ? {} : { counter: { at: counter.at, from: counter.from + from } }

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number

/** Prints a table; the first row is what the others are compared with. */
export async function compare(rows: readonly Row[], effort: Effort): Promise<void> {
  const samples = new Map(rows.map(row => [row, [] as Sample[]]))
  for (let round = 0; round < effort.rounds; round++) {
    // Every other round the other way round, so that nobody always comes first.
    for (const row of round % 2 === 0 ? rows : rows.toReversed()) {
      const sample = await measure(row, effort)
      samples.get(row)?.push(sample)
      const { rate, cpu } = sample
      console.error(
        `round ${round + 1}/${effort.rounds}  ${row.name}: ${Math.round(rate)}/s, ${cpu.toFixed(1)} µs`,
      )
    }
  }
  const first = samples.get(rows[0] as Row) as Sample[]
  console.log(
    '\n| server | Checks/s | CPU µs a Check | ratio [range] | MB idle → loaded | ms to ready | calls a Check |',
  )
  console.log('|---|---|---|---|---|---|---|')
  for (const [row, list] of samples) {
    const of = (pick: (sample: Sample) => number) => median(list.map(pick))
    const ratios = list.map((sample, i) => sample.cpu / (first[i] as Sample).cpu)
    const range = `[${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}]`
    console.log(
      `| ${row.name} | ${Math.round(of(s => s.rate))} | ${of(s => s.cpu).toFixed(1)} | ${median(ratios).toFixed(2)} ${range} | ` +
        `${Math.round(of(s => s.idle))} → ${Math.round(of(s => s.loaded))} | ${Math.round(of(s => s.startup))} | ${of(s => s.calls).toFixed(3)} |`,
    )
  }
}
