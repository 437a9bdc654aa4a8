/** bench/bench — a no-op Check server against Credence, in one run: fresh processes, alternating order, medians. `--quick` is a look whether it works. */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  build,
  IDENTITY,
  type Running,
  requestFor,
  rulesOf,
  runLoad,
  startCredence,
  startKratos,
  startNoop,
} from './world.ts'

const quick = process.argv.includes('--quick')
const rounds = quick ? 1 : 5
const seconds = quick ? 0.5 : 3
const IN_FLIGHT = 64

interface Row {
  readonly name: string
  readonly start: (kratosUrl: string) => Promise<Running>
  readonly request: Buffer
  readonly wanted: string
}
interface Sample {
  readonly rate: number
  readonly cpu: number
  readonly idle: number
  readonly loaded: number
  readonly startup: number
  readonly calls: number
}

const ROWS: readonly Row[] = [
  {
    name: 'no-op, grpc-js and proto-loader',
    start: () => startNoop(),
    request: requestFor(10),
    wanted: 'nobody',
  },
  ...[10, 1_000, 10_000].map(
    (count): Row => ({
      name: `Credence, ${count.toLocaleString('en')} rules`,
      start: url => startCredence(count, url),
      request: requestFor(count),
      wanted: IDENTITY,
    }),
  ),
]

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number

async function measure(row: Row): Promise<Sample> {
  const kratos = await startKratos()
  const server = await row.start(kratos.url)
  try {
    const idle = server.memory()
    const load = (time: number) =>
      runLoad([server.address, row.request.toString('base64'), String(time), String(IN_FLIGHT), row.wanted])
    await load(quick ? 0.3 : 2)
    const [cpu, calls] = [server.cpu(), kratos.calls()]
    const { done, wrong, seconds: took } = await load(seconds)
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

/** The slowest Check while 10,000 rules are read and compiled anew, ms. */
async function measureReload(): Promise<{ quiet: number; reloading: number }> {
  const kratos = await startKratos()
  const count = quick ? 100 : 10_000
  const server = await startCredence(count, kratos.url)
  const load = () =>
    runLoad([server.address, requestFor(count).toString('base64'), quick ? '0.5' : '4', '8', IDENTITY])
  try {
    await load()
    const quiet = (await load()).slowest
    const during = load()
    const file = join(server.folder, 'rules.json')
    writeFileSync(
      `${file}.new`,
      JSON.stringify([...rulesOf(count), { id: 'new', match: { url: 'http://new/', methods: [] } }]),
    )
    setTimeout(() => renameSync(`${file}.new`, file), quick ? 50 : 500)
    const { slowest, wrong } = await during
    if (wrong > 0) throw new Error(`${wrong} answers were wrong during the reload`)
    return { quiet, reloading: slowest }
  } finally {
    await server.stop()
    kratos.close()
  }
}

build()
const samples = new Map(ROWS.map(row => [row, [] as Sample[]]))
for (let round = 0; round < rounds; round++) {
  // Every other round the other way round, so that nobody always comes first.
  for (const row of round % 2 === 0 ? ROWS : ROWS.toReversed()) {
    const sample = await measure(row)
    samples.get(row)?.push(sample)
    console.error(
      `round ${round + 1}/${rounds}  ${row.name}: ${Math.round(sample.rate)}/s, ${sample.cpu.toFixed(1)} µs`,
    )
  }
}

const noop = samples.get(ROWS[0] as Row) as Sample[]
console.log(
  `\n| server | Checks/s | CPU µs a Check | ratio to the no-op | MB idle → loaded | ms to ready | whoami a Check |`,
)
console.log('|---|---|---|---|---|---|---|')
for (const [row, list] of samples) {
  const of = (pick: (sample: Sample) => number) => median(list.map(pick))
  const ratio = median(list.map((sample, i) => sample.cpu / (noop[i] as Sample).cpu))
  console.log(
    `| ${row.name} | ${Math.round(of(s => s.rate))} | ${of(s => s.cpu).toFixed(1)} | ${ratio.toFixed(2)} | ` +
      `${Math.round(of(s => s.idle))} → ${Math.round(of(s => s.loaded))} | ${Math.round(of(s => s.startup))} | ${of(s => s.calls).toFixed(4)} |`,
  )
}
const { quiet, reloading } = await measureReload()
console.log(
  `\nslowest Check, 8 in flight: ${quiet.toFixed(1)} ms without, ${reloading.toFixed(1)} ms with a reload of 10,000 rules`,
)
