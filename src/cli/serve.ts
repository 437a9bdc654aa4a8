/** cli/serve — listens until it is told to stop. Knows signals, nothing of requests. */
import { startApp } from '../app.ts'
import { StartFault } from '../edition.ts'
import { formatIssue } from '../lib/issue.ts'
import type { CommandIo, CommonArguments } from './program.ts'

/** Exit code 0 after a drain, 1 when it cannot start. */
export async function serve(args: CommonArguments, io: CommandIo): Promise<number> {
  try {
    const app = await startApp({ ...args, env: io.env })
    await stopSignal()
    await app.close()
    return 0
  } catch (error) {
    io.err(`credence: ${describe(error)}\n`)
    return 1
  }
}

/** A second signal ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve()
      })
    }
  })
}

function describe(error: unknown): string {
  if (error instanceof StartFault) return [error.message, ...error.issues.map(formatIssue)].join('\n')
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return `${message}\nAnother process listens there: stop it or choose another port.`
  return error instanceof Error ? (error.stack ?? message) : String(error)
}
