/** test/kratos/under_test — one Kratos for the tests of a file: the real one where there is one, else the stand-in; says which. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sendRequest } from '../../../demo/browser.ts'
import { chooseKratos, type Kratos, startKratos, writeKratosYml } from '../../../demo/kratos.ts'
import { choosePorts, type Ports } from '../../../demo/ports.ts'
import { createProcessManager } from '../../../demo/processes.ts'

export interface KratosUnderTest {
  readonly kratos: Kratos
  readonly ports: Ports
  close(): Promise<void>
}

export interface KratosUnderTestOptions {
  /** Forces the stand-in. */
  readonly standIn?: boolean
  /** Last word on kratos.yml. */
  readonly edit?: (kratosYml: string) => string
  /** A database in this file instead of memory; of a real Kratos that we start ourselves. */
  readonly database?: string
}

/** `skip` of a test that starts Kratos with settings of its own, which a running one of somebody else has not. */
export function skipWithoutOwnKratos(): string | false {
  return chooseKratos().kind === 'running' && 'needs a Kratos with other settings than the running one'
}

/** `skip` of a test of what only Ory's program does. */
export function skipWithoutRealKratos(): string | false {
  const { kind } = chooseKratos()
  return kind !== 'binary' && `needs a real Kratos, which \`npm run kratos:build\` makes; here: ${kind}`
}

/** As its admin port says; the stand-in says that it is one, and answers as v26.2.0. */
export async function kratosVersion(kratos: Kratos): Promise<string> {
  const page = await sendRequest(`${kratos.adminUrl}/admin/version`, { method: 'GET', headers: {} })
  return page.json<{ version: string }>().version
}

/** Says which one it is in `kratos.description`. */
export async function startKratosUnderTest(options: KratosUnderTestOptions = {}): Promise<KratosUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-kratos-'))
  const processes = createProcessManager(folder, { endOnSignal: true })
  const ports = await choosePorts(false)
  const choice = options.standIn === true ? ({ kind: 'stand-in', why: 'asked for' } as const) : chooseKratos()
  const cleanUp = async () => {
    await processes.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const { database, edit = unchanged } = options
    const edited =
      database === undefined
        ? edit
        : (yml: string) => edit(yml).replace('dsn: memory', `dsn: ${dsn(database)}`)
    if (database !== undefined && choice.kind === 'binary') {
      const file = await writeKratosYml({ ports, folder }, edited)
      execFileSync(choice.path, ['migrate', 'sql', '-e', '--yes', '-c', file], {
        env: { ...process.env, DSN: dsn(database) },
        stdio: 'ignore',
      })
    }
    const kratos = await startKratos(choice, { ports, processes, folder }, edited)
    return { kratos, ports, close: () => kratos.close().then(cleanUp) }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

const unchanged = (text: string): string => text
const dsn = (file: string): string => `sqlite://${file}?_fk=true&mode=rwc`
