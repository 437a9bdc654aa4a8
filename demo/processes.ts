/** Starts processes with their output in log files, waits until they respond, and stops those that it started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ManagedProcess {
  readonly name: string
  readonly pid: number
  /** Receives stdout and stderr. */
  readonly logFile: string
  /** Resolves to a description of the exit code or the signal. */
  readonly ended: Promise<string>
  readonly alive: boolean
  kill(signal: NodeJS.Signals): void
  /** Sends SIGTERM, and SIGKILL after five seconds. */
  stop(): Promise<void>
}

export interface ProcessManager {
  start(
    name: string,
    program: string,
    args: readonly string[],
    options?: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
  ): ManagedProcess
  /** Stops all processes, the last started one first. */
  stop(): Promise<void>
}

/**
 * `folder` receives one log file for each name. An exit handler kills what still runs. With `endOnSignal` it also runs on
 * SIGTERM, which a test runner sends after its time limit; without it SIGTERM ends this process without exit handlers.
 */
export function createProcessManager(
  folder: string,
  options: { readonly endOnSignal?: boolean } = {},
): ProcessManager {
  const started: ManagedProcess[] = []
  const onExit = () => {
    for (const managed of started) if (managed.alive) managed.kill('SIGKILL')
  }
  process.on('exit', onExit)
  const onSignal = () => process.exit(143)
  if (options.endOnSignal === true) process.on('SIGTERM', onSignal)
  return {
    start(name, program, args, options = {}) {
      const running = spawnProcess(name, program, args, join(folder, `${name}.log`), options)
      started.push(running)
      return running
    },
    async stop() {
      for (const managed of started.toReversed()) await managed.stop()
      process.off('exit', onExit)
      process.off('SIGTERM', onSignal)
    },
  }
}

function spawnProcess(
  name: string,
  program: string,
  args: readonly string[],
  log: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
): ManagedProcess {
  const output = openSync(log, 'a')
  // A separate process group: Ctrl-C in the terminal reaches the demo only, which then stops the others in order.
  const child = spawn(program, args, { ...options, stdio: ['ignore', output, output], detached: true })
  closeSync(output)
  // A running child must not keep this process alive. The exit handler kills it.
  child.unref()
  let alive = true
  const ended = new Promise<string>(resolve => {
    const done = (outcome: string) => {
      alive = false
      resolve(outcome)
    }
    child.on('exit', (code, signal) => done(signal ?? `exit code ${code}`))
    child.on('error', error => done(error.message))
  })
  return {
    name,
    pid: child.pid ?? 0,
    logFile: log,
    ended,
    get alive() {
      return alive
    },
    kill: signal => void child.kill(signal),
    stop: () => stopProcess(child, ended, () => alive),
  }
}

async function stopProcess(child: ChildProcess, ended: Promise<string>, alive: () => boolean): Promise<void> {
  if (!alive()) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}

/** Waits until `url` responds with `status`. Rejects with the end of the log when the process ends or the time is over. */
export async function waitForStatus(
  managed: ManagedProcess,
  url: string,
  status = 200,
  timeoutMs = 30_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while ((await requestStatus(url)) !== status) {
    if (!managed.alive)
      throw new Error(`${managed.name} ended (${await managed.ended}):\n${lastLines(managed.logFile)}`)
    if (Date.now() > end)
      throw new Error(
        `${managed.name} did not respond with ${status} at ${url}:\n${lastLines(managed.logFile)}`,
      )
    await sleep(25)
  }
}

const lastLines = (file: string): string => readFileSync(file, 'utf8').split('\n').slice(-15).join('\n')

function requestStatus(url: string): Promise<number> {
  return new Promise(resolve => {
    const outgoing = request(url, { agent: false, timeout: 1_000 }, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('error', () => resolve(0))
    outgoing.end()
  })
}
