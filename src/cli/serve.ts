/** cli/serve — listens until it is told to stop. Knows signals, nothing of requests. */
import { isatty } from 'node:tty'
import { type App, startApp } from '../app/app.ts'
import { StartupError } from '../app/startup_error.ts'
import { formatDiagnostic } from '../documents/issue.ts'
import type { ConfigArguments, Streams } from './arguments.ts'

/** Exit code 0 after a drain, 1 when it cannot start or something went wrong that nobody caught. */
export async function serve(args: ConfigArguments, streams: Streams): Promise<number> {
  // Told while it starts, it ends as soon as it has started.
  const stopRequested = waitForStopSignal()
  let app: App | undefined
  if (!STDIN_IS_TERMINAL) process.on('SIGHUP', () => void app?.reload())
  try {
    app = await startApp({ ...args, env: streams.env })
    const uncaught = await Promise.race([stopRequested, firstUncaughtException()])
    // In a state that nobody foresaw nothing more is decided; what has arrived is answered (F4).
    if (uncaught !== undefined) app.logInternalError('process', uncaught.error)
    await app.close()
    return uncaught === undefined ? 0 : 1
  } catch (error) {
    streams.err(`credence: ${describeStartFailure(error)}\n`)
    return 1
  }
}

/** There SIGHUP says that the terminal has gone; everywhere else it means, by custom, to read everything again. */
const STDIN_IS_TERMINAL = isatty(0)

interface UncaughtException {
  readonly error: unknown
}

/** What no catch has seen. Only the first ends the service; others on the way out are the same accident. */
const firstUncaughtException = (): Promise<UncaughtException> =>
  new Promise(resolve => {
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => resolve({ error }))
    }
  })

/** A second signal ends the process at once. */
function waitForStopSignal(): Promise<undefined> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve(undefined)
      })
    }
    // Told twice, by the system and by the launcher, it is one and the same end.
    if (STDIN_IS_TERMINAL) process.on('SIGHUP', () => resolve(undefined))
  })
}

/** Only an accident, which is a fault of ours, shows where it happened. */
function describeStartFailure(error: unknown): string {
  if (error instanceof StartupError)
    return [error.message, ...error.diagnostics.map(formatDiagnostic)].join('\n')
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
