/** Runs the service until a signal or an uncaught exception stops it. */
import { isatty } from 'node:tty'
import { type App, startApp } from '../app/app.ts'
import { StartupError } from '../app/startup_error.ts'
import { formatDiagnostic } from '../documents/diagnostic.ts'
import type { ConfigArguments, Streams } from './arguments.ts'

/** Resolves to the exit code: 0 after a drain, 1 if the service cannot start or an exception was not caught. */
export async function serve(args: ConfigArguments, streams: Streams): Promise<number> {
  // A signal during startup stops the service as soon as it has started.
  const stopRequested = waitForStopSignal()
  let app: App | undefined
  if (!STDIN_IS_TERMINAL) process.on('SIGHUP', () => void app?.reload())
  try {
    app = await startApp({ ...args, env: streams.env })
    const uncaughtException = firstUncaughtException()
    const stop = await Promise.race([stopRequested, uncaughtException])
    // Envoy's health checks notice a SIGTERM during the delay. A user at a terminal does not wait.
    const uncaught = stop === 'SIGTERM' ? await Promise.race([app.announceStop(), uncaughtException]) : stop
    // After an uncaught exception the state is unknown: accept no further Checks, but answer those in flight.
    if (uncaught) app.logInternalError('process', uncaught.error)
    await app.close()
    return uncaught ? 1 : 0
  } catch (error) {
    streams.err(`credence: ${describeStartFailure(error)}\n`)
    return 1
  }
}

/** At a terminal, SIGHUP means that the terminal was closed; elsewhere it asks a daemon to reload. */
const STDIN_IS_TERMINAL = isatty(0)

interface UncaughtException {
  readonly error: unknown
}

/** Resolves at the first uncaught exception or unhandled rejection; further ones during the shutdown are ignored. */
const firstUncaughtException = (): Promise<UncaughtException> =>
  new Promise(resolve => {
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => resolve({ error }))
    }
  })

/**
 * Resolves at the first signal, to SIGTERM or to `undefined` for one that a user sends. A second one ends
 * the process at once.
 */
function waitForStopSignal(): Promise<'SIGTERM' | undefined> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve(signal === 'SIGTERM' ? signal : undefined)
      })
    }
    // The system and the launcher both send this one, so a second SIGHUP does not exit at once.
    if (STDIN_IS_TERMINAL) process.on('SIGHUP', () => resolve(undefined))
  })
}

/** Problems that the operator can solve have no stack trace; any other error indicates a bug and has one. */
function describeStartFailure(error: unknown): string {
  if (error instanceof StartupError)
    return [error.message, ...error.diagnostics.map(formatDiagnostic)].join('\n')
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
