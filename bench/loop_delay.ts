/** Runs Credence in this process and prints the delay of its event loop when idle and during a reload of the given number of rules. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { startApp } from '../src/app/app.ts'
import { extraRule, sessionConfig, sessionRules } from './rules_and_checks.ts'

const count = Number(process.argv[2])
const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const file = join(folder, 'rules.json')
const anyPort = { host: '127.0.0.1', port: 0 }
writeFileSync(file, JSON.stringify(sessionRules(count)))
writeFileSync(`${file}.new`, JSON.stringify([...sessionRules(count), extraRule()]))
writeFileSync(
  join(folder, 'config.json'),
  JSON.stringify({
    ...sessionConfig('http://127.0.0.1:9/sessions/whoami'),
    serve: { grpc: anyPort, api: anyPort, prometheus: anyPort },
    access_rules: { repositories: [`file://${file}`] },
    log: { level: 'error' },
  }),
)
const app = await startApp({ configFiles: [join(folder, 'config.json')], flags: new Map(), env: {} })

async function measureLoopDelay(name: string, done: () => Promise<boolean>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const from = performance.now()
  delay.enable()
  while (!(await done())) await sleep(25)
  delay.disable()
  const ms = (ns: number) => (ns / 1e6).toFixed(1)
  console.log(
    `event loop, ${name}: ${Math.round(performance.now() - from)} ms; delay p50 ${ms(delay.percentile(50))} ms, ` +
      `p99 ${ms(delay.percentile(99))} ms, max ${ms(delay.max)} ms`,
  )
}

const loadedRuleCount = async () => JSON.parse(await (await fetch(`http://${app.api}/status`)).text()).rules
await sleep(1_000)
const idleUntil = performance.now() + 2_000
await measureLoopDelay('idle', async () => performance.now() > idleUntil)
renameSync(`${file}.new`, file)
await measureLoopDelay(
  `${count.toLocaleString('en')} rules reloaded`,
  async () => (await loadedRuleCount()) === count + 1,
)
await app.close()
rmSync(folder, { recursive: true, force: true })
