/** bench/world — rule sets, the request, a small Kratos, and servers pinned to a core. Loopback only; ends what it started. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../demo/ports.ts'
import { encodeRequest } from '../test/envoy/messages.ts'

const root = new URL('..', import.meta.url).pathname
const pinning = spawnSync('taskset', ['-c', '0', 'true']).status === 0

/** Of the rule that matches: the last, so that a scan would show. */
export const IDENTITY = '90b31539-08ba-45b1-a5fc-5de840f19d7e'
const COOKIE = `MTc2Mzg4${'a'.repeat(420)}==`

/** Nine of ten with a literal host of 200, one of ten with any host. */
export function rulesOf(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `rule-${i}`,
    match: {
      url:
        i % 10 === 3
          ? `<https?>://<.*>/any${i}/<.*>`
          : `<https?>://svc${i % 200}.example.com/api/v1/resource${i}/<[0-9a-z-]+>`,
      methods: ['GET', 'POST'],
    },
    authenticators: [{ handler: 'cookie_session' }],
    authorizer: { handler: 'allow' },
    mutators: [{ handler: 'header' }],
  }))
}

/** A Check as Chrome causes it, for the last rule of a set. */
export function requestFor(count: number): Buffer {
  const last = count - 1
  return encodeRequest({
    path: `/api/v1/resource${last}/abc-123?page=2`,
    host: `svc${last % 200}.example.com`,
    headers: {
      ':authority': `svc${last % 200}.example.com`,
      ':method': 'GET',
      ':path': `/api/v1/resource${last}/abc-123?page=2`,
      ':scheme': 'https',
      accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
      'accept-encoding': 'gzip, deflate, br, zstd',
      'accept-language': 'en-GB,en;q=0.9,de;q=0.8',
      cookie: `theme=dark; ory_kratos_session=${COOKIE}; consent=1`,
      'sec-ch-ua': '"Chromium";v="142", "Not_A Brand";v="99"',
      'sec-ch-ua-mobile': '?0',
      'sec-fetch-dest': 'document',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'same-origin',
      'upgrade-insecure-requests': '1',
      'user-agent':
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
      'x-forwarded-for': '203.0.113.7',
      'x-request-id': '2f1c7d1e-66b0-4c19-9a7e-1d3c1c0f8e11',
    },
  })
}

export interface FakeKratos {
  readonly url: string
  readonly calls: () => number
  close(): void
}

export async function startKratos(): Promise<FakeKratos> {
  let calls = 0
  const session = () => ({
    id: '7458af86-c1d8-401c-978a-8da89133f78b',
    active: true,
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    authenticated_at: new Date().toISOString(),
    authenticator_assurance_level: 'aal1',
    authentication_methods: [{ method: 'password', aal: 'aal1' }],
    identity: { id: IDENTITY, state: 'active', traits: { email: 'hi@example.com' }, schema_id: 'users' },
  })
  const server: Server = createServer((_message, response) => {
    calls++
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(session()))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sessions/whoami`,
    calls: () => calls,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export interface Running {
  readonly address: string
  /** Milliseconds from start to the first moment at which Checks are decided. */
  readonly startup: number
  /** CPU time so far, µs; resident memory, MB. */
  cpu(): number
  memory(): number
  readonly folder: string
  stop(): Promise<void>
}

/** What is shipped is what is measured: sources run as they are carry Node's type stripper along. */
export function build(): void {
  const done = spawnSync(process.execPath, [join(root, 'scripts/build.js')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (done.status !== 0) throw new Error('the build failed')
}

/** A process on core 0, where pinning is possible; its output goes nowhere, at the levels of production. */
function launch(args: readonly string[]): ChildProcess {
  const command = pinning ? ['taskset', '-c', '0', process.execPath, ...args] : [process.execPath, ...args]
  return spawn(command[0] as string, command.slice(1), { cwd: root, stdio: 'ignore' })
}

/** Load from the other core. */
export function runLoad(
  args: readonly string[],
): Promise<{ done: number; wrong: number; seconds: number; slowest: number }> {
  const command = pinning ? ['taskset', '-c', '1', process.execPath] : [process.execPath]
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] as string, [...command.slice(1), join(root, 'bench/load.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', chunk => {
      text += chunk
    })
    child.on('error', reject)
    child.on('exit', code =>
      code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`load ended with ${code}`)),
    )
  })
}

export async function startNoop(): Promise<Running> {
  const port = await freePort()
  return watch(launch([join(root, 'bench/noop_server.ts'), String(port)]), port, () => listens(port), '')
}

export async function startCredence(rules: number, kratosUrl: string): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const [grpc, api, prometheus] = [await freePort(), await freePort(), await freePort()]
  writeFileSync(join(folder, 'rules.json'), JSON.stringify(rulesOf(rules)))
  const on = (port: number) => ({ host: '127.0.0.1', port })
  const config = {
    serve: { grpc: on(grpc), api: on(api), prometheus: on(prometheus) },
    access_rules: { repositories: [`file://${join(folder, 'rules.json')}`] },
    authenticators: {
      cookie_session: {
        enabled: true,
        config: { check_session_url: kratosUrl, only: ['ory_kratos_session'] },
      },
    },
    authorizers: { allow: { enabled: true } },
    mutators: { header: { enabled: true, config: { headers: { 'x-user-id': '{{ print .Subject }}' } } } },
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const child = launch([join(root, 'dist/main.js'), 'serve', '--config', join(folder, 'config.json')])
  const ready = async () =>
    (await fetch(`http://127.0.0.1:${api}/health/ready`).catch(() => undefined))?.status === 200
  return watch(child, grpc, ready, folder)
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(port, '127.0.0.1', () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false))
  })
}

async function watch(
  child: ChildProcess,
  port: number,
  ready: () => Promise<boolean>,
  folder: string,
): Promise<Running> {
  const started = performance.now()
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`a server ended with ${child.exitCode}`)
    if (performance.now() - started > 30_000) throw new Error('a server did not become ready')
    await sleep(5)
  }
  const startup = performance.now() - started
  const proc = (name: string) => readFileSync(`/proc/${child.pid}/${name}`, 'utf8')
  return {
    address: `127.0.0.1:${port}`,
    startup,
    folder,
    cpu() {
      // utime and stime in ticks of 10 ms, after the name in brackets.
      const fields = proc('stat').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) * 10_000
    },
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(proc('status'))?.[1] ?? 0) / 1024,
    stop: () =>
      new Promise(resolve => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
        setTimeout(() => child.kill('SIGKILL'), 3_000).unref()
      }),
  }
}
