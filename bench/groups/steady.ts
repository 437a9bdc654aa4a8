/** bench/groups/steady — the rows of the main table when they have run for a while: all up at once, asked in turn by one warm client. */
import { type Effort, median, NOOP, type Row } from '../compare.ts'
import type { Group } from '../groups.ts'
import { startKratos } from '../kratos.ts'
import { run } from '../load.ts'
import type { Running } from '../servers.ts'
import { BYTES, credenceWith } from './main.ts'

const ROWS = [NOOP, BYTES, ...[10, 1_000, 10_000].map(count => credenceWith(count))]
/** Turns of a second each; as many again before anything is counted. */
const TURNS = 12

interface Asked {
  readonly row: Row
  readonly server: Running
  readonly cpu: number[]
}

export const steady: Group = {
  about: 'the main table without fresh processes: all servers up, asked in turn, a second each',
  run: measure,
}

async function measure({ seconds }: Effort): Promise<void> {
  const [turns, time] = seconds < 1 ? [1, 0.2] : [TURNS, 1]
  const kratos = await startKratos()
  const all: Asked[] = []
  try {
    for (const row of ROWS) all.push({ row, server: await row.start(kratos), cpu: [] })
    for (let turn = 0; turn < turns; turn++) for (const one of all) await ask(one, time)
    for (let turn = 0; turn < turns; turn++) {
      for (const one of turn % 2 === 0 ? all : all.toReversed()) one.cpu.push(await ask(one, time))
    }
    console.log('\n| server | CPU µs a Check | ratio [middle half] |\n|---|---|---|')
    for (const { row, cpu } of all) {
      const ratios = cpu.map((one, i) => one / (all[0]?.cpu[i] as number)).toSorted((a, b) => a - b)
      const [low, high] = [ratios[turns >> 2] ?? 0, ratios[(3 * turns) >> 2] ?? 0]
      console.log(
        `| ${row.name} | ${median(cpu).toFixed(1)} | ${median(ratios).toFixed(2)} [${low.toFixed(2)}–${high.toFixed(2)}] |`,
      )
    }
  } finally {
    for (const { server } of all) await server.stop()
    kratos.close()
  }
}

/** CPU µs a Check of one turn. */
async function ask({ row, server }: Asked, seconds: number): Promise<number> {
  const before = server.cpu()
  const kinds = [{ ...row.kind, name: 'all' }]
  const { done = 0, wrong = 0 } =
    (await run({ target: server.address, inFlight: 64, seconds, kinds })).kinds.all ?? {}
  if (wrong > 0) throw new Error(`${row.name}: ${wrong} of ${done} answers were wrong`)
  return (server.cpu() - before) / done
}
