/** Measures the slowest Check and the delay of the event loop during a reload of 10,000 rules. */

import { spawn } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeKratos } from '../fake_kratos.ts'
import { runLoad } from '../load/load_generator.ts'
import { extraRule, IDENTITY_ID, sessionCheck, sessionConfig, sessionRules } from '../rules_and_checks.ts'
import { pinnedCommand, startCredenceServer } from '../servers.ts'
import type { BenchmarkGroup } from './group.ts'

export const reload: BenchmarkGroup = {
  description: 'slowest Check and delay of the event loop during a reload of 10,000 rules',
  async run(options) {
    const count = options.measureSeconds < 1 ? 100 : 10_000
    await slowestCheck(count)
    await loopDelay(count)
  },
}

async function slowestCheck(count: number): Promise<void> {
  const kratos = await startFakeKratos()
  const server = await startCredenceServer({
    rules: sessionRules(count),
    config: sessionConfig(kratos.whoami),
  })
  const job = () =>
    runLoad({
      target: server.address,
      maxInFlight: 8,
      seconds: 4,
      workloads: [{ name: 'all', messages: [sessionCheck(count).toString('base64')], expected: IDENTITY_ID }],
    })
  try {
    await job()
    const before = (await job()).workloads.all
    const file = join(server.folder, 'rules.json')
    writeFileSync(`${file}.new`, JSON.stringify([...sessionRules(count), extraRule()]))
    const during = job()
    await sleep(1_000)
    renameSync(`${file}.new`, file)
    const duringReload = (await during).workloads.all
    const { rules } = JSON.parse(await server.fetchApi('/status'))
    if (rules !== count + 1) throw new Error('the rules were not reloaded during the measurement')
    console.log(
      `\nslowest Check with 8 in flight: ${before?.maxMs.toFixed(1)} ms without a reload (p99 ${before?.p99Ms.toFixed(1)}), ` +
        `${duringReload?.maxMs.toFixed(1)} ms with a reload (p99 ${duringReload?.p99Ms.toFixed(1)}); ${duringReload?.wrong} wrong`,
    )
  } finally {
    await server.stop()
    kratos.close()
  }
}

/** Runs in a process of its own, because the delay can only be measured inside the process. */
function loopDelay(count: number): Promise<void> {
  const [command, ...args] = pinnedCommand(0, [
    process.execPath,
    new URL('../loop_delay.ts', import.meta.url).pathname,
    String(count),
  ])
  return new Promise((resolve, reject) => {
    const child = spawn(command as string, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`loop_delay exited with ${code}`))))
  })
}
