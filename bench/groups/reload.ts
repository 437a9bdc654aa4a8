/** bench/groups/reload — 10,000 rules read anew: the slowest Check meanwhile, and how late the event loop runs. */
import { spawn } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { IDENTITY, oneMore, rulesOf, sessionCheck, sessionConfig } from '../checks.ts'
import { load } from '../compare.ts'
import { startKratos } from '../kratos.ts'
import { onCore, startCredence } from '../servers.ts'
import type { Group } from './group.ts'

export const reload: Group = {
  about: '10,000 rules read anew: slowest Check, delay of the event loop',
  async run(effort) {
    const count = effort.seconds < 1 ? 100 : 10_000
    await slowestCheck(count)
    await loopDelay(count)
  },
}

async function slowestCheck(count: number): Promise<void> {
  const kratos = await startKratos()
  const server = await startCredence({ rules: rulesOf(count), config: sessionConfig(kratos.whoami) })
  const job = () =>
    load({
      target: server.address,
      inFlight: 8,
      seconds: 4,
      kinds: [{ name: 'all', bodies: [sessionCheck(count).toString('base64')], wanted: IDENTITY }],
    })
  try {
    await job()
    const quiet = (await job()).kinds.all
    const file = join(server.folder, 'rules.json')
    writeFileSync(`${file}.new`, JSON.stringify([...rulesOf(count), oneMore()]))
    const during = job()
    await sleep(1_000)
    renameSync(`${file}.new`, file)
    const busy = (await during).kinds.all
    const { rules } = JSON.parse(await server.page('/status'))
    if (rules !== count + 1) throw new Error('the new rules were not read in time')
    console.log(
      `\nslowest of the Checks with 8 in flight: ${quiet?.slowest.toFixed(1)} ms without (p99 ${quiet?.p99.toFixed(1)}), ` +
        `${busy?.slowest.toFixed(1)} ms with a reload (p99 ${busy?.p99.toFixed(1)}); ${busy?.wrong} wrong`,
    )
  } finally {
    await server.stop()
    kratos.close()
  }
}

/** In the process itself, where it can be seen what the loop waits for. */
function loopDelay(count: number): Promise<void> {
  const [command, ...args] = onCore(0, [new URL('../loop_delay.ts', import.meta.url).pathname, String(count)])
  return new Promise((resolve, reject) => {
    const child = spawn(command as string, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`loop_delay ended with ${code}`))))
  })
}
