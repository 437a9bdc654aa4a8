/** demo/processes — starts programs with their output in a file, waits until they answer, ends only what it started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ManagedProcess {
  readonly name: string
  readonly pid: number
  /** The file with its output. */
  readonly logFile: string
  /** Exit code or signal once it has ended. */
  readonly ended: Promise<string>
  readonly alive: boolean
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL to what is still there after five seconds. */
  stop(): Promise<void>
}

export interface ProcessManager {
  start(
    name: string,
    program: string,
    args: readonly string[],
    options?: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
  ): ManagedProcess
  /** Ends everything, youngest first. */
  stop(): Promise<void>
}

/**
 * `folder` takes one log file for each name. Whatever still runs when this process ends is killed with it; with
 * `endOnSignal` also when a signal ends it (a test runner's time limit), which by itself runs no exit handler.
 */
export function createProcessManager(
  folder: string,
  options: { readonly endOnSignal?: boolean } = {},
): ProcessManager {
  const started: ManagedProcess[] = []
  const onExit = () => {
    for (const one of started) if (one.alive) one.kill('SIGKILL')
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
      for (const one of started.toReversed()) await one.stop()
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
  // A group of its own: Ctrl-C at the terminal reaches the demo alone, which then ends its parts in order.
  const child = spawn(program, args, { ...options, stdio: ['ignore', output, output], detached: true })
  closeSync(output)
  // Nobody lives on only because a child does; whoever leaves takes it along (see `onExit`).
  child.unref()
  let alive = true
  const ended = new Promise<string>(resolve => {
    const done = (how: string) => {
      alive = false
      resolve(how)
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

/** Waits until `url` answers with `status`. Gives up at once, with the end of its log, when the program has ended. */
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
      throw new Error(`${managed.name} did not answer at ${url}:\n${lastLines(managed.logFile)}`)
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
