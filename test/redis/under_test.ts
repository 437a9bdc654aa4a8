/** test/redis/under_test — real Redis servers on loopback for the tests of a file; says once where there is none. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../../demo/kratos.ts'
import { freePort } from '../../demo/ports.ts'
import { createProcesses, type Running } from '../../demo/processes.ts'

/** A program, or why there is none; scripts/redis.js decides. */
function findRedis(): { readonly program: string } | { readonly why: string } {
  try {
    const script = join(root, 'scripts', 'redis.js')
    return { program: execFileSync(process.execPath, [script], { encoding: 'utf8' }).trim() }
  } catch {
    const why = 'there is no Redis server here and none could be unpacked'
    process.stderr.write(`tests: skipped, ${why}\n`)
    return { why }
  }
}

const found = findRedis()
/** For `test(…, { skip })`. */
export const noRedis: string | false = 'why' in found ? found.why : false

export interface RedisServer {
  readonly port: number
  /** As a crash would end it. */
  kill(): Promise<void>
  /** Stops answering without closing a connection, and goes on. */
  freeze(): void
  thaw(): void
  /** Again, on the same port. What was in memory is gone unless `args` said otherwise. */
  restart(): Promise<void>
}

export interface RedisHost {
  readonly folder: string
  /** `args` as on the command line; nothing is written to disk unless they say so. */
  start(args?: readonly string[]): Promise<RedisServer>
  close(): Promise<void>
}

export function redisHost(): RedisHost {
  if ('why' in found) throw new Error(found.why)
  const folder = mkdtempSync(join(tmpdir(), 'credence-redis-'))
  const processes = createProcesses(folder, { endOnSignal: true })
  return {
    folder,
    async start(args = []) {
      const tls = args.includes('--tls-port')
      const port = tls ? Number(args[args.indexOf('--tls-port') + 1]) : await freePort()
      const usual = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
      const ports = tls ? ['--port', '0'] : ['--port', String(port)]
      const start = () =>
        processes.start(`redis-${port}`, found.program, [
          ...(args[0]?.startsWith('-') === false ? [args[0]] : []),
          ...usual,
          ...ports,
          ...args.slice(args[0]?.startsWith('-') === false ? 1 : 0),
        ])
      let running: Running = start()
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
          running = start()
          await untilListening(port, running)
        },
      }
    },
    async close() {
      await processes.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilListening(port: number, running: Running): Promise<void> {
  for (const end = Date.now() + 10_000; ; ) {
    const up = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (up) return
    if (!running.alive || Date.now() > end) throw new Error(`redis-server did not start: see ${running.log}`)
    await sleep(20)
  }
}
