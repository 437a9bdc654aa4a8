/** Measures a start of the package as it is installed: from the start of the process to the first right answer. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeKratos } from '../fake_kratos.ts'
import { connectHttp2 } from '../load/http2_connection.ts'
import { IDENTITY_ID, sessionCheck, sessionConfig, sessionRules } from '../rules_and_checks.ts'
import { startCredenceServer } from '../servers.ts'
import { median } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const RULE_COUNTS = [10, 10_000]
/** After the first answer the rules are linted, which must not count as memory of an idle server. */
const IDLE_MS = 3_000

interface Start {
  readonly ms: number
  readonly cpuMs: number
  readonly idleMb: number
}

export const start: BenchmarkGroup = {
  description: 'from the start of the process to the first right answer, with and without a compile cache',
  async run({ rounds, measureSeconds }) {
    const quick = measureSeconds < 1
    const folder = installPackage()
    const kratos = await startFakeKratos()
    try {
      console.log(
        '\n| rules | compile cache | ms to the first right answer | CPU ms | MB idle |\n|---|---|---|---|---|',
      )
      for (const count of quick ? [10] : RULE_COUNTS) {
        const starts = { kept: [] as Start[], none: [] as Start[] }
        const measure = (cache: keyof typeof starts) =>
          measureStart(join(folder, 'bin/credence.js'), count, kratos.whoami, cache === 'none')
        // The first start leaves its compiled code.
        await measure('kept')
        for (let round = 0; round < rounds; round++)
          for (const cache of ['kept', 'none'] as const) starts[cache].push(await measure(cache))
        for (const [cache, list] of Object.entries(starts))
          console.log(
            `| ${count} | ${cache} | ${[rangeOf(list, 'ms'), rangeOf(list, 'cpuMs'), rangeOf(list, 'idleMb')].join(' | ')} |`,
          )
      }
    } finally {
      kratos.close()
      rmSync(folder, { recursive: true })
    }
  },
}

/** The files of the package beside the packages that it needs. */
function installPackage(): string {
  const root = new URL('../..', import.meta.url).pathname
  const folder = mkdtempSync(join(tmpdir(), 'bench-package-'))
  for (const name of ['bin', 'dist', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

async function measureStart(
  program: string,
  rules: number,
  whoami: string,
  withoutCache: boolean,
): Promise<Start> {
  const check = sessionCheck(rules)
  const server = await startCredenceServer({
    rules: sessionRules(rules),
    config: sessionConfig(whoami),
    program,
    env: withoutCache ? { NODE_DISABLE_COMPILE_CACHE: '1' } : {},
    ready: address => answersRight(address, check),
  })
  try {
    const cpuMs = server.cpuMicros() / 1000
    await sleep(IDLE_MS)
    return { ms: server.startupMs, cpuMs, idleMb: server.memoryMb() }
  } finally {
    await server.stop()
  }
}

async function answersRight(address: string, check: Buffer): Promise<boolean> {
  const [host = '', port = ''] = address.split(':')
  try {
    const { promise: broken, reject } = Promise.withResolvers<never>()
    broken.catch(() => {})
    const connection = await connectHttp2(host, Number(port), reject)
    const answer = new Promise<boolean>(resolve => connection.send(check, Buffer.from(IDENTITY_ID), resolve))
    return await Promise.race([answer, broken]).finally(() => connection.close())
  } catch {
    return false
  }
}

function rangeOf(starts: readonly Start[], key: keyof Start): string {
  const values = starts.map(one => one[key])
  const [low, high] = [Math.min(...values), Math.max(...values)].map(value => value.toFixed(0))
  return `${median(values).toFixed(0)} [${low}–${high}]`
}
