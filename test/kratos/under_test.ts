/** test/kratos/under_test — one Kratos for the tests of a file: the real one where there is one, else the stand-in; says which. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseKratos, type Kratos, startKratos } from '../../demo/kratos.ts'
import { choosePorts, type Ports } from '../../demo/ports.ts'
import { createProcesses } from '../../demo/processes.ts'

export interface KratosUnderTest {
  readonly kratos: Kratos
  readonly ports: Ports
  close(): Promise<void>
}

/** `standIn` forces the stand-in. */
export async function startKratosUnderTest(
  options: { readonly standIn?: boolean } = {},
): Promise<KratosUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-kratos-'))
  const processes = createProcesses(folder, { endOnSignal: true })
  const ports = await choosePorts(false)
  const choice = options.standIn === true ? ({ kind: 'stand-in', why: 'asked for' } as const) : chooseKratos()
  const clean = async () => {
    await processes.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const kratos = await startKratos(choice, { ports, processes, folder })
    return { kratos, ports, close: () => kratos.close().then(clean) }
  } catch (error) {
    await clean()
    throw error
  }
}
