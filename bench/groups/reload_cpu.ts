/** Measures the CPU time of a reload of 10,000 rules, and the longest time for which it blocks the event loop. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchmarkGroup } from './group.ts'

type UrlTemplate = (i: number) => string
const MIXED_SHAPES: readonly UrlTemplate[] = [
  i => `https://svc-${i}.example.com/api/<.*>`,
  i => `<https?>://app.example.com/svc-${i}/<[^/]+>/edit`,
  i => `<https?>://<[^/]+>/tenant-${i}/<[0-9]+>`,
  i => `https://app.example.com/literal/${i}`,
  i => `https://<[a-z]+>.example.com/x/<(users|groups)>/${i}`,
]
const RULE_SETS: Readonly<Record<string, UrlTemplate>> = {
  'mixed shapes': i => (MIXED_SHAPES[i % MIXED_SHAPES.length] as UrlTemplate)(i),
  'one host each': i => `https://svc-${i}.example.com/<.*>`,
  // The worst case of the search for overlaps: with one prefix for all, every pair could overlap.
  'one prefix for all': i => `https://app.example.com/api/<[a-z]+>/x-${i}/<.*>`,
}

export const reloadCpu: BenchmarkGroup = {
  description: 'CPU time of a reload of 10,000 rules, and how long it blocks the event loop',
  async run({ measureSeconds }) {
    const quick = measureSeconds < 1
    for (const [name, shape] of Object.entries(RULE_SETS)) {
      await measureReloads(name, shape, quick ? 100 : 10_000, quick ? 1 : 3)
    }
  },
}

/** Runs in this process and measures CPU time of its thread, so that other work on the machine does not count. */
async function measureReloads(
  name: string,
  shape: UrlTemplate,
  ruleCount: number,
  reloads: number,
): Promise<void> {
  // Other groups measure processes of their own and do not load the service into this one.
  const { startApp } = await import('../../src/app/app.ts')
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-'))
  const write = (file: string, text: string): void => {
    writeFileSync(join(folder, `${file}.new`), text)
    renameSync(join(folder, `${file}.new`), join(folder, file))
  }
  write('rules.json', renderRules(shape, ruleCount, 0))
  write('credence.json', JSON.stringify(configuration(join(folder, 'rules.json'))))
  const app = await startApp({
    configFiles: [join(folder, 'credence.json')],
    flags: new Map(),
    env: { LOG_LEVEL: 'fatal' },
  })
  const revisionOf = async (): Promise<string> => {
    const status = await (await fetch(`http://${app.api}/status`)).json()
    return (status as { revision: string }).revision
  }
  for (let reload = 1; reload <= reloads; reload++) {
    const before = await revisionOf()
    write('rules.json', renderRules(shape, ruleCount, reload))
    const started = threadCpuMs()
    const iterations = measureLoopIterations()
    const deadline = performance.now() + 60_000
    while ((await revisionOf()) === before) {
      if (performance.now() > deadline) throw new Error('the rules were not reloaded within 60 s')
      await sleep(20)
    }
    const longest = iterations.stop().slice(0, 3)
    const spent = Math.round(threadCpuMs() - started)
    console.log(
      `${name}: reload ${reload}: ${spent} ms CPU, longest iterations of the event loop ` +
        `${longest.map(ms => ms.toFixed(1)).join(', ')} ms CPU`,
    )
  }
  await app.close()
  rmSync(folder, { recursive: true })
}

function configuration(rulesFile: string): object {
  const listener = { host: '127.0.0.1', port: 0 }
  return {
    serve: { grpc: listener, api: listener, prometheus: listener },
    access_rules: { repositories: [`file://${rulesFile}`] },
    authenticators: { anonymous: { enabled: true } },
    authorizers: { allow: { enabled: true } },
    mutators: { header: { enabled: true, config: { headers: {} } } },
  }
}

/** Another `revision` makes another rule set of the same cost. */
function renderRules(shape: UrlTemplate, count: number, revision: number): string {
  const rules = Array.from({ length: count }, (_, i) => ({
    id: `rule-${i}`,
    description: `revision ${revision}`,
    match: { url: shape(i), methods: ['GET', 'POST'] },
    authenticators: [{ handler: 'anonymous' }],
    authorizer: { handler: 'allow' },
    mutators: [{ handler: 'header', config: { headers: { 'X-User': '{{ print .Subject }}' } } }],
  }))
  return JSON.stringify(rules, null, 1)
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** `stop` returns the CPU time of each iteration of the event loop in ms, the longest first. */
function measureLoopIterations(): { stop(): readonly number[] } {
  const iterationsMs: number[] = []
  let previous = threadCpuMs()
  let running = true
  const iteration = (): void => {
    if (!running) return
    const now = threadCpuMs()
    iterationsMs.push(now - previous)
    previous = now
    setImmediate(iteration)
  }
  setImmediate(iteration)
  return {
    stop() {
      running = false
      return iterationsMs.sort((a, b) => b - a)
    },
  }
}
