/**
 * test/e2e/support/world — a whole small world on loopback: a real Envoy, Credence, three upstreams and, if wanted, Kratos.
 * One world serves all tests of a file: `before(async () => { world = await openWorld({ … }) })`, `after(() => world.close())`.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Page, type PageRequest, sendRequest } from '../../../../demo/browser.ts'
import { type CountingProxy, startCountingProxy } from '../../../../demo/counting_proxy.ts'
import { startCredence } from '../../../../demo/credence.ts'
import { findEnvoy, startEnvoy } from '../../../../demo/envoy.ts'
import { chooseKratos, type Kratos, startKratos } from '../../../../demo/kratos.ts'
import { choosePorts, freePort, type Ports, replacePorts } from '../../../../demo/ports.ts'
import { createProcessManager, type ManagedProcess, waitForStatus } from '../../../../demo/processes.ts'
import { type EchoUpstream, startEchoUpstream } from './echo_upstream.ts'
import { addListener, type EnvoyTemplate, envoyConfig } from './envoy_template.ts'
import { type GrpcUpstream, startGrpcUpstream } from './grpc_upstream.ts'
import { type RawUpstream, startRawUpstream } from './raw_upstream.ts'

export interface EnvoyEnvironmentOptions {
  /** A rule file. Usual ports (10000, 3000, 4433 …) in it become the world's own. */
  readonly rules: string
  /** Default `minimal`: Envoy does the least by itself there, so Credence's own work shows. */
  readonly envoy?: EnvoyTemplate
  /** Last word on the Envoy configuration. */
  readonly editEnvoy?: (yaml: string, ports: Ports) => string
  /** More listeners of the same Envoy: copies of the first, each edited. */
  readonly listeners?: Readonly<Record<string, (listener: string) => string>>
  /** Last word on Credence's configuration. */
  readonly editCredence?: (yaml: string, ports: Ports) => string
  /** `any`: a real one where there is one. Default `none`. */
  readonly kratos?: 'any' | 'stand-in' | 'none'
  /** Last word on kratos.yml. */
  readonly editKratos?: (yaml: string, ports: Ports) => string
  /** Added to Credence's environment. */
  readonly env?: NodeJS.ProcessEnv
}

export interface EnvoyEnvironment {
  /** `http://127.0.0.1:port` of Envoy. */
  readonly origin: string
  readonly ports: Ports
  /** Where one of the `listeners` listens. */
  listenerPort(listener: string): number
  readonly folder: string
  readonly echo: EchoUpstream
  readonly raw: RawUpstream
  readonly grpc: GrpcUpstream
  /** Throws where the world was opened without one. */
  readonly kratos: Kratos
  /** Counts what Credence asks Kratos. */
  readonly kratosProxy: CountingProxy
  readonly envoy: ManagedProcess
  readonly credence: ManagedProcess
  /** Ends Credence as a crash would. */
  killCredence(): Promise<void>
  /** A new Credence with the same configuration, after it was killed or stopped. */
  startCredence(): Promise<void>
  /** Replaces the rule file at once, and waits until Credence has taken other rules from it; `broken`: has named issues. */
  writeRules(rules: string, broken?: 'broken'): Promise<void>
  /** One request through Envoy; JSON is accepted unless said otherwise. */
  fetch(path: string, asking?: PageRequest & { readonly listener?: string }): Promise<Page>
  /** Credence's log so far, one record a line. */
  logRecords(): readonly Readonly<Record<string, unknown>>[]
  /** Its records of one request, once there is one: lines are written in lots. */
  waitForLogRecords(requestId: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  close(): Promise<void>
}

/** Not the beginning of another port, which the counter may have got. */
const DEFAULT_KRATOS_URL = /http:\/\/127\.0\.0\.1:4433\b/g

const CONFIG = `
serve:
  grpc: { host: 127.0.0.1, port: 9191 }
  api: { host: 127.0.0.1, port: 4456 }
  prometheus: { host: 127.0.0.1, port: 9000 }
access_rules: { repositories: ["file://RULES"] }
authenticators:
  noop: { enabled: true }
  anonymous: { enabled: true, config: { subject: guest } }
  unauthorized: { enabled: true }
  cookie_session:
    enabled: true
    config: { check_session_url: "http://127.0.0.1:4433/sessions/whoami", only: [ory_kratos_session] }
  bearer_token:
    enabled: true
    config: { check_session_url: "http://127.0.0.1:4433/sessions/whoami" }
authorizers:
  allow: { enabled: true }
  deny: { enabled: true }
mutators:
  noop: { enabled: true }
  header: { enabled: true, config: { headers: {} } }
errors:
  fallback: [json]
  handlers:
    json: { enabled: true, config: { verbose: true } }
    redirect: { enabled: true, config: { to: "http://127.0.0.1:4433/self-service/login/browser" } }
    www_authenticate: { enabled: true }
log: { level: info, format: json }
`

/** Everything is up when this resolves; whatever was started is ended again when it rejects. */
export async function startEnvoyEnvironment(options: EnvoyEnvironmentOptions): Promise<EnvoyEnvironment> {
  const cleanups: (() => Promise<void>)[] = []
  const close = async () => {
    for (const one of cleanups.splice(0).toReversed()) await one()
  }
  try {
    return await startComponents(options, cleanups, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function startComponents(
  options: EnvoyEnvironmentOptions,
  cleanups: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<EnvoyEnvironment> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-world-'))
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true }))
  const processes = createProcessManager(folder, { endOnSignal: true })
  cleanups.push(() => processes.stop())
  const ports = await choosePorts(false)
  const upstreamPorts = { raw: await freePort(), grpc: await freePort() }
  const processOptions = { ports, processes, folder }

  const echo = await startEchoUpstream(ports.application)
  cleanups.push(() => echo.close())
  const raw = await startRawUpstream(upstreamPorts.raw)
  cleanups.push(() => raw.close())
  const grpc = await startGrpcUpstream(upstreamPorts.grpc)
  cleanups.push(() => grpc.close())

  const kratos = await startKratosIfWanted(options, processOptions)
  if (kratos !== undefined) cleanups.push(() => kratos.close())
  // Without Kratos nobody listens behind the counter: a call to it is a fault that shows.
  const kratosProxy = await startCountingProxy(kratos?.publicUrl ?? `http://127.0.0.1:${ports.kratosPublic}`)
  cleanups.push(() => kratosProxy.close())

  const rulesFile = join(folder, 'rules.yaml')
  const kratosUrl = kratos?.publicUrl ?? kratosProxy.url
  const adaptPorts = (text: string) => replacePorts(text.replace(DEFAULT_KRATOS_URL, kratosUrl), ports)
  writeFileSync(rulesFile, adaptPorts(options.rules))
  const proxiedConfig = CONFIG.replaceAll(
    'http://127.0.0.1:4433/sessions/whoami',
    `${kratosProxy.url}/sessions/whoami`,
  )
  const config = (options.editCredence ?? unchanged)(
    adaptPorts(proxiedConfig).replace('RULES', rulesFile),
    ports,
  )
  const start = () =>
    startCredence(config, { apiPort: ports.credenceApi, processes, folder, env: options.env ?? {} })
  let credence = await start()

  const listeners = new Map<string, number>()
  let yaml = (options.editEnvoy ?? unchanged)(
    envoyConfig(options.envoy ?? 'minimal', ports, upstreamPorts),
    ports,
  )
  for (const [name, edit] of Object.entries(options.listeners ?? {})) {
    const port = await freePort()
    listeners.set(name, port)
    yaml = addListener(yaml, { name, port, edit })
  }
  const envoy = await startEnvoy(findEnvoy(), yaml, { adminPort: ports.envoyAdmin, processes, folder })
  const origin = `http://127.0.0.1:${ports.envoy}`
  const listenerPort = (listener: string): number => {
    const port = listeners.get(listener)
    if (port === undefined) throw new Error(`this world has no listener ${listener}`)
    return port
  }
  const logRecords = () => parseLogRecords(join(folder, 'credence.log'))
  // Envoy may have tried Credence before; the first real Check must find a connection.
  await waitForStatus(envoy, `http://127.0.0.1:${ports.envoyAdmin}/ready`)

  return {
    origin,
    ports,
    listenerPort,
    folder,
    echo,
    raw,
    grpc,
    get kratos() {
      if (kratos === undefined) throw new Error('this world was opened without Kratos')
      return kratos
    },
    kratosProxy,
    envoy,
    get credence() {
      return credence
    },
    async killCredence() {
      credence.kill('SIGKILL')
      await credence.ended
    },
    async startCredence() {
      credence = await start()
    },
    async writeRules(rules, broken) {
      const noticed = (one: Readonly<Record<string, unknown>>) =>
        one.event === 'reload' && (broken === undefined ? one.outcome === 'changed' : Number(one.issues) > 0)
      const reloads = () => logRecords().filter(noticed).length
      const before = reloads()
      writeFileSync(`${rulesFile}.new`, adaptPorts(rules))
      renameSync(`${rulesFile}.new`, rulesFile)
      const end = Date.now() + 10_000
      while (reloads() === before) {
        if (Date.now() > end) throw new Error('Credence did not notice the new rules')
        await sleep(20)
      }
    },
    fetch(path, asking = {}) {
      const { fields, listener } = asking
      const at = listener === undefined ? origin : `http://127.0.0.1:${listenerPort(listener)}`
      const accept =
        asking.accept === 'html' ? 'text/html,application/xhtml+xml,*/*;q=0.8' : 'application/json'
      return sendRequest(`${at}${path}`, {
        method: asking.method ?? (fields === undefined ? 'GET' : 'POST'),
        headers: { accept, ...asking.headers },
        body: fields === undefined ? '' : JSON.stringify(fields),
      })
    },
    logRecords,
    async waitForLogRecords(requestId) {
      const end = Date.now() + 5_000
      for (;;) {
        const found = logRecords().filter(record => record.request_id === requestId)
        if (found.length > 0 || Date.now() > end) return found
        await sleep(20)
      }
    },
    close,
  }
}

const unchanged = (text: string): string => text

function startKratosIfWanted(
  options: EnvoyEnvironmentOptions,
  parts: Parameters<typeof startKratos>[1],
): Promise<Kratos> | undefined {
  if (options.kratos === undefined || options.kratos === 'none') return undefined
  const choice = options.kratos === 'any' ? chooseKratos() : ({ kind: 'stand-in', why: 'asked for' } as const)
  return startKratos(choice, parts, text => options.editKratos?.(text, parts.ports) ?? text)
}

/** Lines that are not JSON (a message of Node's) are left out, as is a line that is just being written. */
function parseLogRecords(file: string): readonly Readonly<Record<string, unknown>>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line) as Record<string, unknown>)
}
