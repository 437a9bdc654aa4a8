/** Builds the project and starts the measured servers in separate processes, pinned to one core. */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findEnvoy } from '../demo/envoy.ts'
import { freePort } from '../demo/ports.ts'
import type { EngineName } from '../src/grpc/engines.ts'
import type { LoadJob } from './load/job.ts'

const root = new URL('..', import.meta.url).pathname
/** The server runs alone on core 0. The load generator, the fake Kratos and this process share core 1. */
const pinned = spawnSync('taskset', ['-cp', '1', String(process.pid)]).status === 0
export const pinnedCommand = (core: 0 | 1, command: readonly string[]): readonly string[] =>
  pinned ? ['taskset', '-c', String(core), ...command] : command

export interface RunningServer {
  /** `http1` for a proxy in front of the authorizer. Default: `grpc`. */
  readonly protocol?: LoadJob['protocol']
  readonly address: string
  /** Time from the start of the process until it is ready, in ms. */
  readonly startupMs: number
  /** CPU time of the process so far, in µs. */
  cpuMicros(): number
  /** CPU time of the Envoy in front of the server, in µs. */
  readonly proxyCpuMicros?: () => number
  /** Resident memory, in MB. */
  memoryMb(): number
  /** Files and sockets that the process has open. */
  openFiles(): number
  /** State of a process that was started with `observed`; `collect` collects its garbage before. */
  state(collect?: boolean): Promise<ProcessState>
  /** Folder of its configuration and rules; empty for a reference server. */
  readonly folder: string
  /** Resolves to the body of a page of Credence's api port. */
  fetchApi(path: string, request?: RequestInit): Promise<string>
  stop(): Promise<void>
}

/** What only the process itself knows. */
export interface ProcessState {
  readonly heapUsedMb: number
  readonly heapTotalMb: number
  readonly externalMb: number
  /** Timers, sockets and calls that are active. */
  readonly resources: number
}

export interface StateRequest {
  readonly collect: boolean
}

/** Compiles the sources. Users run the compiled code, and type stripping would add to startup time and memory. */
export function buildProject(): void {
  const stdio = ['ignore', 2, 2] as ['ignore', number, number]
  const done = spawnSync(process.execPath, [join(root, 'scripts/build.js')], { cwd: root, stdio })
  if (done.status !== 0) throw new Error('the build failed')
}

/** Output is discarded; log levels are those of production. */
function spawnServer(
  program: string,
  args: readonly string[],
  { observed = false, env = {} }: { readonly observed?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  const [command, ...rest] = pinnedCommand(0, [program, ...args])
  const stdio = observed ? (['ignore', 'ignore', 'ignore', 'ipc'] as const) : ('ignore' as const)
  const child = spawn(command as string, rest, {
    cwd: root,
    stdio: stdio as StdioOptions,
    env: { ...process.env, ...env },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** A benchmark that fails leaves no server behind. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a server that allows everything: `noop_server`, or `engine_server` on the given engine. */
export async function startReferenceServer(
  file: 'noop_server' | 'engine_server',
  engine = '',
): Promise<RunningServer> {
  const port = await freePort()
  const child = spawnServer(process.execPath, [join(root, `bench/${file}.ts`), String(port), engine])
  return waitUntilReady(child, port, () => isListening(port), '', 0)
}

/** Starts a Go program that takes `-listen`. */
export async function startGoServer(program: string): Promise<RunningServer> {
  const port = await freePort()
  return startPeer(program, ['-listen', `127.0.0.1:${port}`], port, '')
}

/** Starts another authorizer. Its folder is removed when it stops. */
export function startPeer(
  program: string,
  args: readonly string[],
  port: number,
  folder: string,
): Promise<RunningServer> {
  return waitUntilReady(spawnServer(program, args), port, () => isListening(port), folder, 0)
}

export interface CredenceServerOptions {
  readonly rules: readonly object[]
  /** Sections of the configuration except `serve` and `access_rules`. */
  readonly config: object
  /** Keys of the section `serve` to add. */
  readonly serve?: object
  readonly strategy?: 'regexp' | 'glob'
  readonly engine?: EngineName
  /** Whether the process reports its state to this one. */
  readonly observed?: boolean
  /** Default: the built program, without its launcher. */
  readonly program?: string
  /** Variables to add. */
  readonly env?: NodeJS.ProcessEnv
  /** Resolves to whether the server at the address is ready. Default: what its api port says. */
  readonly ready?: (address: string) => Promise<boolean>
}

export async function startCredenceServer({
  rules,
  config,
  serve = {},
  strategy,
  engine = 'native',
  observed = false,
  program = join(root, 'dist/main.js'),
  env = {},
  ready,
}: CredenceServerOptions): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const [grpc, api, prometheus] = [await freePort(), await freePort(), await freePort()]
  writeFileSync(join(folder, 'rules.json'), JSON.stringify(rules))
  const loopbackPort = (port: number) => ({ host: '127.0.0.1', port })
  const fullConfig = {
    serve: {
      grpc: { ...loopbackPort(grpc), engine },
      api: loopbackPort(api),
      prometheus: loopbackPort(prometheus),
      shutdown_delay: '0s',
      ...serve,
    },
    access_rules: {
      repositories: [`file://${join(folder, 'rules.json')}`],
      matching_strategy: strategy ?? 'regexp',
    },
    ...config,
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(fullConfig))
  const command = [program, 'serve', '--config', join(folder, 'config.json')]
  const flags = observed ? ['--expose-gc', '--import', join(root, 'bench/process_state.ts')] : []
  const child = spawnServer(process.execPath, [...flags, ...command], { observed, env })
  const isReady = async () =>
    (await fetch(`http://127.0.0.1:${api}/health/ready`).catch(() => undefined))?.status === 200
  return waitUntilReady(child, grpc, ready ?? isReady, folder, api)
}

/** The metrics of a Credence. */
export async function fetchMetrics({ folder }: RunningServer): Promise<string> {
  const { serve } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
  return (await fetch(`http://127.0.0.1:${serve.prometheus.port}/metrics`)).text()
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(port, '127.0.0.1', () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false))
  })
}

/** Starts an Envoy with one worker thread on the core of the servers. Its `adminPort` shows when it is ready. */
export async function startEnvoyServer(
  yaml: string,
  port: number,
  adminPort: number,
): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const file = join(folder, 'envoy.yaml')
  writeFileSync(file, yaml)
  const args = ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'error']
  const child = spawnServer(findEnvoy(), args)
  const ready = async () =>
    (await fetch(`http://127.0.0.1:${adminPort}/ready`).catch(() => undefined))?.status === 200
  return waitUntilReady(child, port, ready, folder, adminPort)
}

/** CPU time of all threads of a process, in µs. The ticks of /proc/PID/stat would be too coarse: they take 10 ms. */
function cpuMicros(pid: number): number {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).reduce((sum, task) => {
    const [nanoseconds = '0'] = readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')
    return sum + Number(nanoseconds) / 1000
  }, 0)
}

async function waitUntilReady(
  child: ChildProcess,
  port: number,
  ready: (address: string) => Promise<boolean>,
  folder: string,
  api: number,
): Promise<RunningServer> {
  const started = performance.now()
  while (!(await ready(`127.0.0.1:${port}`))) {
    if (child.exitCode !== null) throw new Error(`the server exited with ${child.exitCode}`)
    if (performance.now() - started > 60_000) throw new Error('the server is not ready after 60 s')
    await sleep(5)
  }
  const startupMs = performance.now() - started
  const proc = (name: string) => readFileSync(`/proc/${child.pid}/${name}`, 'utf8')
  return {
    address: `127.0.0.1:${port}`,
    startupMs,
    folder,
    cpuMicros: () => cpuMicros(child.pid as number),
    memoryMb: () => Number(/VmRSS:\s+(\d+)/.exec(proc('status'))?.[1] ?? 0) / 1024,
    openFiles: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async state(collect = false) {
      const answer = once(child, 'message')
      child.send({ collect } satisfies StateRequest)
      const [state] = (await answer) as [ProcessState]
      return state
    },
    fetchApi: async (path, request) => (await fetch(`http://127.0.0.1:${api}${path}`, request)).text(),
    async stop() {
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGTERM')
      const killTimer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(killTimer)
      if (folder !== '') rmSync(folder, { recursive: true, force: true })
    },
  }
}
