/**
 * The environment of the tests with a real Envoy: Envoy, Credence, three upstreams and optionally Kratos, on loopback.
 * All tests of a file share one: `before(async () => { environment = await startEnvoyEnvironment({ … }) })`.
 * Long because the start of all components is one sequence, and each stops in reverse order.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Page, type PageRequest, sendRequest } from '../../../../demo/browser.ts'
import { type CountingProxy, startCountingProxy } from '../../../../demo/counting_proxy.ts'
import { startCredence } from '../../../../demo/credence.ts'
import { findEnvoy, startEnvoy } from '../../../../demo/envoy.ts'
import { chooseKratos, type Kratos, startKratos } from '../../../../demo/kratos.ts'
import { choosePorts, freePort, type Ports, replacePorts } from '../../../../demo/ports.ts'
import { createProcessManager, type ManagedProcess, waitForStatus } from '../../../../demo/processes.ts'
import { waitUntil } from '../../../support/wait_until.ts'
import { type EchoUpstream, startEchoUpstream } from './echo_upstream.ts'
import { addListener, type EnvoyTemplate, envoyConfig } from './envoy_template.ts'
import { type GrpcUpstream, startGrpcUpstream } from './grpc_upstream.ts'
import { type RawUpstream, startRawUpstream } from './raw_upstream.ts'

export interface EnvoyEnvironmentOptions {
  /** Content of the rule file. Default ports in it (10000, 3000, 4433 …) are replaced by the chosen ones. */
  readonly rules: string
  /** Default: `minimal`, with which Envoy itself rejects the least, so that Credence is tested. */
  readonly envoy?: EnvoyTemplate
  /** Changes the configuration of Envoy. */
  readonly editEnvoy?: (yaml: string, ports: Ports) => string
  /** Worker threads of Envoy. Default: 2. */
  readonly concurrency?: number
  /** Additional listeners by name: copies of the first one, each changed by the function. */
  readonly listeners?: Readonly<Record<string, (listener: string) => string>>
  /** Changes the configuration of Credence. */
  readonly editCredence?: (yaml: string, ports: Ports) => string
  /** `any` is a real Kratos where one is available, else the stand-in. Default: `none`. */
  readonly kratos?: 'any' | 'stand-in' | 'none'
  /** Changes kratos.yml. */
  readonly editKratos?: (yaml: string, ports: Ports) => string
  /** Additional environment variables of Credence. */
  readonly env?: NodeJS.ProcessEnv
}

export interface EnvoyEnvironment {
  /** `http://127.0.0.1:PORT` of Envoy. */
  readonly origin: string
  readonly ports: Ports
  /** Port of one of the additional listeners. */
  listenerPort(listener: string): number
  readonly folder: string
  readonly echo: EchoUpstream
  readonly raw: RawUpstream
  readonly grpc: GrpcUpstream
  /** Throws when the environment was started without Kratos. */
  readonly kratos: Kratos
  /** The proxy between Credence and Kratos, which counts calls. */
  readonly kratosProxy: CountingProxy
  readonly envoy: ManagedProcess
  readonly credence: ManagedProcess
  /** Ends Credence with SIGKILL, as a crash does. */
  killCredence(): Promise<void>
  /** Starts Credence with the same configuration after it has ended. */
  startCredence(): Promise<void>
  /** Replaces the rule file and waits until the rule set has changed; with `broken`, until a reload has reported problems. */
  writeRules(rules: string, broken?: 'broken'): Promise<void>
  /** Sends a request through Envoy. It accepts JSON by default. */
  fetch(path: string, pageRequest?: PageRequest & { readonly listener?: string }): Promise<Page>
  /** All records of Credence's log so far. */
  logRecords(): readonly Readonly<Record<string, unknown>>[]
  /** All JSON lines of Envoy's access log so far. */
  envoyAccessLog(): readonly Readonly<Record<string, unknown>>[]
  /** Resolves to the log records of one request. Waits up to 5 s, because log lines are buffered; then it is empty. */
  waitForLogRecords(requestId: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  close(): Promise<void>
}

/** The word boundary keeps a longer port, such as 44330, which the proxy may listen on. */
const DEFAULT_KRATOS_URL = /http:\/\/127\.0\.0\.1:4433\b/g

const CONFIG = `
serve:
  grpc: { host: 127.0.0.1, port: 9191 }
  api: { host: 127.0.0.1, port: 4456 }
  prometheus: { host: 127.0.0.1, port: 9000 }
  shutdown_delay: 0s
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

/** Resolves when all components are ready. When it rejects, those that were started are stopped again. */
export async function startEnvoyEnvironment(options: EnvoyEnvironmentOptions): Promise<EnvoyEnvironment> {
  const cleanups: (() => Promise<void>)[] = []
  const close = async () => {
    for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp()
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
  const folder = mkdtempSync(join(tmpdir(), 'credence-envoy-'))
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

  const kratos = await startKratosIfRequested(options, processOptions)
  if (kratos !== undefined) cleanups.push(() => kratos.close())
  // Without Kratos nothing listens behind the proxy, so an unexpected call fails the test.
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
  const envoy = await startEnvoy(findEnvoy(), yaml, {
    adminPort: ports.envoyAdmin,
    processes,
    folder,
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
  })
  const origin = `http://127.0.0.1:${ports.envoy}`
  const listenerPort = (listener: string): number => {
    const port = listeners.get(listener)
    if (port === undefined) throw new Error(`there is no listener ${listener}`)
    return port
  }
  const logRecords = () => parseLogRecords(join(folder, 'credence.log'))
  // Envoy may have failed to connect to Credence before; the first Check must find a connection.
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
      if (kratos === undefined) throw new Error('the environment was started without Kratos')
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
      const isExpected = (record: Readonly<Record<string, unknown>>) =>
        record.event === 'reload' &&
        (broken === undefined ? record.outcome === 'changed' : Number(record.problems) > 0)
      const reloads = () => logRecords().filter(isExpected).length
      const before = reloads()
      writeFileSync(`${rulesFile}.new`, adaptPorts(rules))
      renameSync(`${rulesFile}.new`, rulesFile)
      await waitUntil('Credence reloads the rules', () => reloads() > before)
    },
    fetch(path, pageRequest = {}) {
      const { fields, listener } = pageRequest
      const target = listener === undefined ? origin : `http://127.0.0.1:${listenerPort(listener)}`
      const accept =
        pageRequest.accept === 'html' ? 'text/html,application/xhtml+xml,*/*;q=0.8' : 'application/json'
      return sendRequest(`${target}${path}`, {
        method: pageRequest.method ?? (fields === undefined ? 'GET' : 'POST'),
        headers: { accept, ...pageRequest.headers },
        body: fields === undefined ? '' : JSON.stringify(fields),
      })
    },
    logRecords,
    envoyAccessLog: () => parseLogRecords(join(folder, 'envoy.log')),
    async waitForLogRecords(requestId) {
      const found = () => logRecords().filter(record => record.request_id === requestId)
      await waitUntil('a log record', () => found().length > 0, { timeoutMs: 5_000 }).catch(() => {})
      return found()
    },
    close,
  }
}

const unchanged = (text: string): string => text

function startKratosIfRequested(
  options: EnvoyEnvironmentOptions,
  launchOptions: Parameters<typeof startKratos>[1],
): Promise<Kratos> | undefined {
  if (options.kratos === undefined || options.kratos === 'none') return undefined
  const choice =
    options.kratos === 'any' ? chooseKratos() : ({ kind: 'stand-in', why: 'this test requires it' } as const)
  return startKratos(choice, launchOptions, text => options.editKratos?.(text, launchOptions.ports) ?? text)
}

/** Skips lines that are not JSON, such as messages of Node, and a line that is not completely written. */
function parseLogRecords(file: string): readonly Readonly<Record<string, unknown>>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line) as Record<string, unknown>)
}
