/** Starts Credence as an operator would: `bin/credence.js serve --config FILE`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './kratos.ts'
import { type ManagedProcess, type ProcessManager, waitForStatus } from './processes.ts'

/** Resolves when Credence is ready. The api port of the configuration must be `apiPort`. */
export async function startCredence(
  yaml: string,
  launchOptions: {
    readonly apiPort: number
    readonly processes: ProcessManager
    readonly folder: string
    readonly env?: NodeJS.ProcessEnv
  },
): Promise<ManagedProcess> {
  const file = join(launchOptions.folder, 'credence.yaml')
  writeFileSync(file, yaml)
  const args = [join(projectRoot, 'bin', 'credence.js'), 'serve', '--config', file]
  const options = { cwd: launchOptions.folder, env: { ...process.env, ...launchOptions.env } }
  const running = launchOptions.processes.start('credence', process.execPath, args, options)
  await waitForStatus(running, `http://127.0.0.1:${launchOptions.apiPort}/health/ready`)
  return running
}
