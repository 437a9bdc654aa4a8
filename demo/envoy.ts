/** demo/envoy — starts a real Envoy with a configuration text. Which binary is decided by scripts/envoy.js. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './kratos.ts'
import { type Processes, type Running, untilAnswering } from './processes.ts'

/** Installs one if there is none; its progress goes to this process' stderr. */
export const findEnvoy = (): string =>
  execFileSync(process.execPath, [join(root, 'scripts', 'envoy.js')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()

/** Waits until it takes requests; the configuration must have an admin listener on `adminPort`. */
export async function startEnvoy(
  binary: string,
  yaml: string,
  parts: { readonly adminPort: number; readonly processes: Processes; readonly folder: string },
): Promise<Running> {
  const file = join(parts.folder, 'envoy.yaml')
  writeFileSync(file, yaml)
  const args = ['-c', file, '--disable-hot-restart', '--concurrency', '2', '--log-level', 'warning']
  const running = parts.processes.start('envoy', binary, args)
  await untilAnswering(running, `http://127.0.0.1:${parts.adminPort}/ready`)
  return running
}
