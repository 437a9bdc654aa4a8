/** bench/reload — what 10,000 rules cost when they are loaded, and the longest time that a Check waits for it: CPU of the one thread, so that other work on the machine does not count. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startApp } from '../src/app/app.ts'

const RULE_COUNT = 10_000
const RELOADS = 3

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
  // All begin alike, so every pair could overlap: what the search for overlaps fears most.
  'one prefix for all': i => `https://app.example.com/api/<[a-z]+>/x-${i}/<.*>`,
}

const renderRules = (shape: UrlTemplate, revision: number): string =>
  JSON.stringify(
    Array.from({ length: RULE_COUNT }, (_, i) => ({
      id: `rule-${i}`,
      description: `edition ${revision}`,
      match: { url: shape(i), methods: ['GET', 'POST'] },
      authenticators: [{ handler: 'anonymous' }],
      authorizer: { handler: 'allow' },
      mutators: [{ handler: 'header', config: { headers: { 'X-User': '{{ print .Subject }}' } } }],
    })),
    null,
    1,
  )

const threadCpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Milliseconds of CPU of each turn of the loop, until `stop`. */
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

for (const [name, shape] of Object.entries(RULE_SETS)) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-'))
  const write = (file: string, text: string): void => {
    writeFileSync(join(folder, `${file}.new`), text)
    renameSync(join(folder, `${file}.new`), join(folder, file))
  }
  write('rules.json', renderRules(shape, 0))
  const listener = '{host: 127.0.0.1, port: 0}'
  write(
    'credence.yaml',
    `serve: {grpc: ${listener}, api: ${listener}, prometheus: ${listener}}
access_rules: {repositories: ["${join(folder, 'rules.json')}"]}
authenticators: {anonymous: {enabled: true}}
authorizers: {allow: {enabled: true}}
mutators: {header: {enabled: true, config: {headers: {}}}}
`,
  )
  const options = {
    configFiles: [join(folder, 'credence.yaml')],
    flags: new Map(),
    env: { LOG_LEVEL: 'fatal' },
  }
  const app = await startApp(options)
  const revision = async (): Promise<string> => {
    const status = await (await fetch(`http://${app.api}/status`)).json()
    return (status as { revision: string }).revision
  }
  for (let edition = 1; edition <= RELOADS; edition++) {
    const before = await revision()
    write('rules.json', renderRules(shape, edition))
    const started = threadCpuMs()
    const turns = measureLoopIterations()
    // Bounded: a reload that never comes must not keep a machine busy.
    for (let looks = 0; looks < 1_500 && (await revision()) === before; looks++) await sleep(20)
    const longest = turns.stop().slice(0, 3)
    const spent = Math.round(threadCpuMs() - started)
    const shown = longest.map(span => span.toFixed(1)).join(', ')
    console.log(`${name}: reload ${edition}: ${spent} ms CPU with the watching, longest turns ${shown} ms`)
  }
  await app.close()
  rmSync(folder, { recursive: true })
}
