/** Starts a Kratos for the tests of a file: a real one if available, else the stand-in. */
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
  /** Uses the stand-in even if a real Kratos is available. */
  readonly standIn?: boolean
  /** Edits kratos.yml. */
  readonly edit?: (kratosYml: string) => string
  /** SQLite file instead of memory; only with a real Kratos that the tests start. */
  readonly database?: string
}

/** Value of `skip` for tests that need a Kratos with settings of their own. */
export function skipWithoutOwnKratos(): string | false {
  return chooseKratos().kind === 'running' && 'needs a Kratos with other settings than the running one'
}

/** Value of `skip` for tests that need a real Kratos. */
export function skipWithoutRealKratos(): string | false {
  const { kind } = chooseKratos()
  return kind !== 'binary' && `needs a real Kratos, which \`npm run kratos:build\` makes; here: ${kind}`
}

/** Version according to the admin port. The stand-in behaves like v26.2.0. */
export async function kratosVersion(kratos: Kratos): Promise<string> {
  const page = await sendRequest(`${kratos.adminUrl}/admin/version`, { method: 'GET', headers: {} })
  return page.json<{ version: string }>().version
}

/** `kratos.description` says which one it is. */
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
