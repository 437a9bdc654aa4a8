/** Finds an Envoy binary and starts it with a given configuration. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './kratos.ts'
import { type ManagedProcess, type ProcessManager, waitForStatus } from './processes.ts'

/** Returns the path that scripts/envoy.js prints. The script installs Envoy if necessary and reports progress on stderr. */
export const findEnvoy = (): string =>
  execFileSync(process.execPath, [join(projectRoot, 'scripts', 'envoy.js')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()

/** Resolves when Envoy accepts requests. The configuration must have an admin listener on `adminPort`. */
export async function startEnvoy(
  binary: string,
  yaml: string,
  launchOptions: {
    readonly adminPort: number
    readonly processes: ProcessManager
    readonly folder: string
    /** Worker threads. Default: 2. */
    readonly concurrency?: number
  },
): Promise<ManagedProcess> {
  const file = join(launchOptions.folder, 'envoy.yaml')
  writeFileSync(file, yaml)
  const workers = String(launchOptions.concurrency ?? 2)
  const args = ['-c', file, '--disable-hot-restart', '--concurrency', workers, '--log-level', 'warning']
  const running = launchOptions.processes.start('envoy', binary, args)
  await waitForStatus(running, `http://127.0.0.1:${launchOptions.adminPort}/ready`)
  return running
}
