/** Starts real Redis servers on loopback for the tests of a file. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { projectRoot } from '../../../demo/kratos.ts'
import { freePort } from '../../../demo/ports.ts'
import { createProcessManager, type ManagedProcess } from '../../../demo/processes.ts'
import type { RedisClientOptions } from '../../../src/sessions/replication/redis_client.ts'

/** Path of redis-server, or why there is none. */
function findRedis(): { readonly program: string } | { readonly why: string } {
  try {
    const script = join(projectRoot, 'scripts', 'redis.js')
    return { program: execFileSync(process.execPath, [script], { encoding: 'utf8' }).trim() }
  } catch {
    const why = 'there is no Redis server here and none could be unpacked'
    process.stderr.write(`tests: skipped, ${why}\n`)
    return { why }
  }
}

const found = findRedis()
/** Value of `skip` for tests that need Redis. */
export const skipWithoutRedis: string | false = 'why' in found ? found.why : false

export interface RedisServer {
  readonly port: number
  /** Ends it like a crash. */
  kill(): Promise<void>
  /** Stops answering without closing connections, until `thaw`. */
  freeze(): void
  thaw(): void
  /** Starts it again on the same port. Data in memory is lost unless it was dumped. */
  restart(): Promise<void>
  /** Sends one command over a plain connection. */
  send(...args: readonly string[]): Promise<unknown>
}

export interface RedisHost {
  readonly folder: string
  /** `settings` as in redis.conf. Default: loopback, no dump, a free port. */
  start(settings?: Readonly<Record<string, string>>, sentinel?: 'sentinel'): Promise<RedisServer>
  close(): Promise<void>
}

export function redisHost(): RedisHost {
  if ('why' in found) throw new Error(found.why)
  const folder = mkdtempSync(join(tmpdir(), 'credence-redis-'))
  const processes = createProcessManager(folder, { endOnSignal: true })
  return {
    folder,
    async start(settings = {}, sentinel) {
      const port = Number(settings['tls-port'] ?? (await freePort()))
      const all = {
        bind: '127.0.0.1',
        dir: folder,
        dbfilename: `${port}.rdb`,
        save: '',
        port: settings['tls-port'] === undefined ? String(port) : '0',
        ...settings,
      }
      const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')])
      const start = () => processes.start(`redis-${port}`, found.program, flags)
      const file = sentinel === undefined ? undefined : sentinelFile(folder, port, all)
      const run = () =>
        file === undefined
          ? start()
          : processes.start(`sentinel-${port}`, found.program, [file, '--sentinel'])
      let running: ManagedProcess = run()
      await untilListening(port, running)
      return {
        port,
        async kill() {
          running.kill('SIGKILL')
          await running.ended
        },
        freeze: () => running.kill('SIGSTOP'),
        thaw: () => running.kill('SIGCONT'),
        async restart() {
          running = run()
          await untilListening(port, running)
        },
        async send(...args) {
          const client = createClient({ RESP: 2, socket: { host: '127.0.0.1', port } })
          client.on('error', () => {})
          await client.connect()
          const answer = await client.sendCommand([...args])
          client.destroy()
          return answer
        },
      }
    },
    async close() {
      await processes.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A sentinel needs a configuration file that it can rewrite. */
function sentinelFile(folder: string, port: number, settings: Readonly<Record<string, string>>): string {
  const file = join(folder, `sentinel-${port}.conf`)
  const { dbfilename: _, save: __, ...rest } = settings
  writeFileSync(
    file,
    Object.entries(rest)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  )
  return file
}

async function untilListening(port: number, running: ManagedProcess): Promise<void> {
  for (const end = Date.now() + 10_000; ; ) {
    const up = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (up) return
    if (!running.alive || Date.now() > end)
      throw new Error(`redis-server did not start: see ${running.logFile}`)
    await sleep(20)
  }
}

/** Options for a single server without password and TLS. */
export const clientOptionsFor = (
  port: number,
  over: Partial<RedisClientOptions> = {},
): RedisClientOptions => ({
  mode: 'single',
  nodes: [{ host: '127.0.0.1', port }],
  master: '',
  username: undefined,
  password: undefined,
  sentinelPassword: undefined,
  database: 0,
  tls: undefined,
  onError: () => {},
  ...over,
})
