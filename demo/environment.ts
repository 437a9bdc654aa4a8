/** Starts all components of the demo on loopback, in order; `close` stops them in reverse order. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CountingProxy, startCountingProxy } from './counting_proxy.ts'
import { startCredence } from './credence.ts'
import { findEnvoy, startEnvoy } from './envoy.ts'
import { chooseKratos, type Kratos, projectRoot, startKratos, type User } from './kratos.ts'
import { choosePorts, type Ports, replacePorts } from './ports.ts'
import { createProcessManager } from './processes.ts'
import { createTokenIssuer, type TokenIssuer } from './web/token_issuer.ts'
import { startUpstream, type Upstream } from './web/upstream.ts'

export interface DemoEnvironment {
  /** Origin for the browser, without a trailing slash. */
  readonly origin: string
  /** URL of the revocation endpoint, and its key. */
  readonly revocations: { readonly url: string; readonly key: string }
  /** Contains the logs and the generated configuration. */
  readonly folder: string
  readonly kratos: Kratos
  /** The proxy between Credence and Kratos. */
  readonly kratosProxy: CountingProxy
  readonly user: User
  /** Unused backup codes of the user; empty until the tour has set them up. */
  readonly backupCodes: string[]
  readonly upstream: Upstream
  readonly tokenIssuer: TokenIssuer
  close(): Promise<void>
}

const RULE_FILES = ['admin-page.yaml', 'second-factor.yaml', 'tutorial.yaml']

/** `printLine` receives one line for each component. When one fails to start, those before it are stopped. */
export async function startDemoEnvironment(printLine: (line: string) => void): Promise<DemoEnvironment> {
  const cleanups: (() => Promise<void>)[] = []
  const close = async () => {
    for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp()
  }
  try {
    return await startComponents(printLine, cleanups, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function startComponents(
  printLine: (line: string) => void,
  cleanups: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<DemoEnvironment> {
  const binary = findEnvoy()
  const ports = await choosePorts(true)
  // `choosePorts` has reserved the port for this process, so no other demo uses the same folder.
  const folder = join(projectRoot, 'demo', 'run', String(ports.envoy))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const processes = createProcessManager(folder)
  cleanups.push(() => processes.stop())
  const processOptions = { ports, processes, folder }

  const kratos = await startKratos(chooseKratos(), processOptions)
  cleanups.push(() => kratos.close())
  printLine(`Kratos     ${kratos.publicUrl}   ${kratos.description}`)
  const kratosProxy = await startCountingProxy(kratos.publicUrl)
  cleanups.push(() => kratosProxy.close())

  const tokenIssuer = await createTokenIssuer()
  const upstream = await startUpstream({
    port: ports.application,
    kratosPublicUrl: kratos.publicUrl,
    kratosDescription: kratos.pageDescription,
    tokenIssuer,
  })
  cleanups.push(() => upstream.close())
  printLine(`App        http://127.0.0.1:${ports.application}   the admin page and an echo`)

  const config = writeConfiguration(ports, folder, kratos.publicUrl, kratosProxy.url)
  await startCredence(config, { apiPort: ports.credenceApi, processes, folder })
  printLine(
    `Credence   127.0.0.1:${ports.credence} (gRPC), http://127.0.0.1:${ports.credenceApi} (health, rules)`,
  )

  const envoy = replacePorts(readFileSync(join(projectRoot, 'envoy', 'demo.yaml'), 'utf8'), ports)
  await startEnvoy(binary, envoy, { adminPort: ports.envoyAdmin, processes, folder })
  const origin = `http://127.0.0.1:${ports.envoy}`
  printLine(`Envoy      ${origin}   ${binary}`)

  const startedHere = kratos.kind !== 'running'
  const user = await kratos.createUser(startedHere ? 'admin@example.com' : undefined)
  const url = `http://127.0.0.1:${ports.credenceApi}/sessions/revocations`
  const revocations = { url, key: /revocation: \{ keys: \[(.*?)\] \}/.exec(config)?.[1] ?? '' }
  return {
    origin,
    revocations,
    folder,
    kratos,
    kratosProxy,
    user,
    backupCodes: [],
    upstream,
    tokenIssuer,
    close,
  }
}

/** Writes copies of the repository's files with the chosen ports. Credence calls Kratos through the proxy. */
function writeConfiguration(ports: Ports, folder: string, kratosUrl: string, proxyUrl: string): string {
  // The word boundary keeps a longer port, such as 44330, which the proxy may listen on.
  const defaultKratosUrl = /http:\/\/127\.0\.0\.1:4433\b/g
  for (const name of RULE_FILES) {
    const text = readFileSync(join(projectRoot, 'rules', name), 'utf8').replace(defaultKratosUrl, kratosUrl)
    writeFileSync(join(folder, name), replacePorts(text, ports))
  }
  const text = readFileSync(join(projectRoot, 'demo', 'credence.yaml'), 'utf8')
    .replace(/(check_session_url: )http:\/\/127\.0\.0\.1:4433\b/, `$1${proxyUrl}`)
    .replace(defaultKratosUrl, kratosUrl)
    .replaceAll('file://./rules/', `file://${folder}/`)
  return replacePorts(text, ports)
}
