/** Measures whether memory, open files or timers grow during ten minutes of mixed load with reloads and new connections. */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FakeKratos, INVALID_COOKIE_PREFIX, startFakeKratos } from '../fake_kratos.ts'
import type { Workload } from '../load/job.ts'
import { type LoadGenerator, startLoadGenerator } from '../load/load_generator.ts'
import {
  counterOffset,
  encodeCheck,
  extraRule,
  IDENTITY_ID,
  sessionCheck,
  sessionConfig,
  sessionRules,
} from '../rules_and_checks.ts'
import { fetchMetrics, type RunningServer, startCredenceServer } from '../servers.ts'
import { median } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const RULES = 1_000
const CHECKS_PER_SECOND = 500
const USERS = 1_000
/** Filled within the first minute, so that later growth is no growth of the cache. */
const MAX_SESSIONS = 5_000

interface Sample {
  readonly seconds: number
  readonly memoryMb: number
  readonly heapUsedMb: number
  readonly externalMb: number
  readonly openFiles: number
  readonly resources: number
  readonly p99Ms: number
  /** Checks of users that were denied or failed: a busy machine delays Kratos beyond its timeout. */
  readonly notAllowed: number
  /** Checks without a session that failed. */
  readonly notDenied: number
}

export const soak: BenchmarkGroup = {
  description:
    'ten minutes at 500 Checks a second: growth of memory, open files and timers from minute 2 to 10',
  async run({ measureSeconds }) {
    const sampleSeconds = measureSeconds < 1 ? 1 : 10
    const kratos = await startFakeKratos()
    const server = await startCredenceServer({
      rules: sessionRules(RULES),
      config: {
        ...sessionConfig(kratos.whoami),
        sessions: { cache: { max_entries: MAX_SESSIONS } },
      },
      // Without shedding, because other work on the machine delays the event loop.
      serve: { overload: { max_event_loop_delay: '0s' } },
      observed: true,
    })
    const generator = startLoadGenerator()
    try {
      await measureGrowth(server, kratos, generator, sampleSeconds)
    } finally {
      generator.close()
      await server.stop()
      kratos.close()
    }
  },
}

async function measureGrowth(
  server: RunningServer,
  kratos: FakeKratos,
  generator: LoadGenerator,
  sampleSeconds: number,
): Promise<void> {
  const samples: Sample[] = []
  const collected: number[] = []
  // By the responses. Credence must not have allowed more.
  let allowed = 0
  console.log(
    '\n| s | MB resident | MB heap | MB external | open files | timers, sockets, calls | p99 ms | users not allowed | others not denied |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  for (let i = 1; i <= 60; i++) {
    // Each job opens connections of its own, and meets a reload.
    const job = generator.run({
      target: server.address,
      maxInFlight: 64,
      ratePerSecond: CHECKS_PER_SECOND,
      seconds: sampleSeconds,
      workloads: workloadsOf(i, sampleSeconds),
    })
    replaceRules(server, i)
    const { workloads } = await job
    const wrong = (...names: string[]) => names.reduce((sum, name) => sum + (workloads[name]?.wrong ?? 0), 0)
    allowed += (workloads.users?.completed ?? 0) + (workloads['new sessions']?.completed ?? 0)
    allowed -= wrong('users', 'new sessions')
    const { heapUsedMb, externalMb, resources } = await server.state()
    const sample: Sample = {
      seconds: i * sampleSeconds,
      memoryMb: server.memoryMb(),
      heapUsedMb,
      externalMb,
      openFiles: server.openFiles(),
      resources,
      p99Ms: Math.max(...Object.values(workloads).map(({ p99Ms }) => p99Ms)),
      notAllowed: wrong('users', 'new sessions'),
      notDenied: wrong('invalid cookies', 'no credential'),
    }
    samples.push(sample)
    console.log(
      `| ${Object.values(sample)
        .map(value => Number(value.toFixed(1)))
        .join(' | ')} |`,
    )
    if (i === 12 || i === 60) collected.push((await server.state(true)).heapUsedMb)
  }
  printGrowth(samples, collected)
  const counted = await countAllowed(server)
  console.log(`\n${counted} Checks were allowed by the metrics, ${allowed} by the responses.`)
  const notAllowed = samples.reduce((sum, sample) => sum + sample.notAllowed, 0)
  if (counted > allowed + notAllowed) throw new Error('a Check was allowed that must be denied')
  console.log(`\n${kratos.callCount()} calls to Kratos, ${samples.length} reloads.`)
}

/** Users with a cached session, new sessions, rejected ones, and Checks without a credential. */
function workloadsOf(job: number, seconds: number): readonly Workload[] {
  const known = sessionCheck(RULES)
  const fresh = sessionCheck(RULES)
  const invalid = sessionCheck(RULES, INVALID_COOKIE_PREFIX)
  const numbered = Array.from({ length: USERS }, (_, i) => {
    const message = Buffer.from(known)
    message.write(String(i).padStart(8, '0'), counterOffset(message))
    return message.toString('base64')
  })
  const from = job * CHECKS_PER_SECOND * seconds
  return [
    { name: 'users', weight: 7, messages: numbered, expected: IDENTITY_ID },
    {
      name: 'new sessions',
      messages: [fresh.toString('base64')],
      counter: { at: counterOffset(fresh), from: USERS + from },
      expected: IDENTITY_ID,
    },
    {
      name: 'invalid cookies',
      messages: [invalid.toString('base64')],
      counter: { at: counterOffset(invalid), from },
      // Every denial has a JSON body with this member, whatever its status.
      expected: 'error',
    },
    {
      name: 'no credential',
      messages: [encodeCheck(RULES, {}).toString('base64')],
      expected: 'error',
    },
  ]
}

/** By Credence's own metrics. */
async function countAllowed(server: RunningServer): Promise<number> {
  const metrics = await fetchMetrics(server)
  const counts = metrics.matchAll(/^credence_checks_total\{.*decision="allow".*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}

function replaceRules({ folder }: RunningServer, job: number): void {
  const file = join(folder, 'rules.json')
  const rules = sessionRules(RULES)
  writeFileSync(`${file}.new`, JSON.stringify(job % 2 === 0 ? rules : [...rules, extraRule()]))
  renameSync(`${file}.new`, file)
}

function printGrowth(samples: readonly Sample[], collected: readonly number[]): void {
  const early = samples.slice(11, 18)
  const late = samples.slice(-7)
  const row = (title: string, pick: (sample: Sample) => number) => {
    const [from, to] = [median(early.map(pick)), median(late.map(pick))]
    return `| ${title} | ${from.toFixed(1)} | ${to.toFixed(1)} | ${(to - from).toFixed(1)} |`
  }
  const [from = 0, to = 0] = collected
  console.log(`
Medians of the minute from 2:00 and of the last one:

| | minute 2 | minute 10 | growth |
|---|---|---|---|
${row('MB resident', sample => sample.memoryMb)}
${row('MB heap', sample => sample.heapUsedMb)}
| MB heap after a collection | ${from.toFixed(1)} | ${to.toFixed(1)} | ${(to - from).toFixed(1)} |
${row('MB external', sample => sample.externalMb)}
${row('open files', sample => sample.openFiles)}
${row('timers, sockets, calls', sample => sample.resources)}`)
}
