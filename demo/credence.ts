/** demo/credence — starts Credence as a user would: bin/credence.js serve --config FILE. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './kratos.ts'
import { type Processes, type Running, untilAnswering } from './processes.ts'

/** Waits until it is ready; the configuration must have its api on `apiPort`. */
export async function startCredence(
  yaml: string,
  parts: {
    readonly apiPort: number
    readonly processes: Processes
    readonly folder: string
    readonly env?: NodeJS.ProcessEnv
  },
): Promise<Running> {
  const file = join(parts.folder, 'credence.yaml')
  writeFileSync(file, yaml)
  const args = [join(root, 'bin', 'credence.js'), 'serve', '--config', file]
  const options = { cwd: parts.folder, env: { ...process.env, ...parts.env } }
  const running = parts.processes.start('credence', process.execPath, args, options)
  await untilAnswering(running, `http://127.0.0.1:${parts.apiPort}/health/ready`)
  return running
}
