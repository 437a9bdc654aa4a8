/** cli/serve — listens until it is told to stop. Knows signals, nothing of requests. */
import { isatty } from 'node:tty'
import { type App, startApp } from '../app/app.ts'
import { StartFault } from '../app/startup_error.ts'
import { formatIssue } from '../documents/issue.ts'
import type { CommandIo, CommonArguments } from './arguments.ts'

/** Exit code 0 after a drain, 1 when it cannot start or something went wrong that nobody caught. */
export async function serve(args: CommonArguments, io: CommandIo): Promise<number> {
  // Told while it starts, it ends as soon as it has started.
  const told = stopSignal()
  let app: App | undefined
  if (!AT_TERMINAL) process.on('SIGHUP', () => void app?.reload())
  try {
    app = await startApp({ ...args, env: io.env })
    const lost = await Promise.race([told, uncaught()])
    // In a state that nobody foresaw nothing more is decided; what has arrived is answered (F4).
    if (lost !== undefined) app.accident('process', lost.error)
    await app.close()
    return lost === undefined ? 0 : 1
  } catch (error) {
    io.err(`credence: ${describe(error)}\n`)
    return 1
  }
}

/** There SIGHUP says that the terminal has gone; everywhere else it means, by custom, to read everything again. */
const AT_TERMINAL = isatty(0)

interface Lost {
  readonly error: unknown
}

/** What no catch has seen. Only the first ends the service; others on the way out are the same accident. */
const uncaught = (): Promise<Lost> =>
  new Promise(resolve => {
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => resolve({ error }))
    }
  })

/** A second signal ends the process at once. */
function stopSignal(): Promise<undefined> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve(undefined)
      })
    }
    // Told twice, by the system and by the launcher, it is one and the same end.
    if (AT_TERMINAL) process.on('SIGHUP', () => resolve(undefined))
  })
}

/** Only an accident, which is a fault of ours, shows where it happened. */
function describe(error: unknown): string {
  if (error instanceof StartFault) return [error.message, ...error.issues.map(formatIssue)].join('\n')
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
