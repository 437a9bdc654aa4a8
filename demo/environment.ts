/** demo/stage — sets up all parts of the demo, in order, on loopback; close() takes them down in reverse. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CountingProxy, startCountingProxy } from './counting_proxy.ts'
import { startCredence } from './credence.ts'
import { findEnvoy, startEnvoy } from './envoy.ts'
import { chooseKratos, type Kratos, root, startKratos, type User } from './kratos.ts'
import { choosePorts, type Ports, withPorts } from './ports.ts'
import { createProcesses } from './processes.ts'
import { startUpstream, type Upstream } from './upstream.ts'
import { createWorkload, type Workload } from './workload.ts'

export interface Stage {
  /** What a browser opens, no final slash. */
  readonly origin: string
  /** Where news of ended sessions go, and the key to it. */
  readonly revocations: { readonly url: string; readonly key: string }
  /** Logs and written configuration. */
  readonly folder: string
  readonly kratos: Kratos
  /** Between Credence and Kratos. */
  readonly calls: CountingProxy
  readonly user: User
  /** The user's second factor; empty until the tour has set it up. */
  readonly codes: string[]
  readonly upstream: Upstream
  readonly workload: Workload
  close(): Promise<void>
}

export const RULE_FILES = ['admin-page.yaml', 'second-factor.yaml', 'tutorial.yaml']

/** `say` gets one line for each part. Whatever was started is ended again when a later part fails. */
export async function openStage(say: (line: string) => void): Promise<Stage> {
  const closing: (() => Promise<void>)[] = []
  const close = async () => {
    for (const one of closing.splice(0).toReversed()) await one()
  }
  try {
    return await open(say, closing, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function open(
  say: (line: string) => void,
  closing: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<Stage> {
  const binary = findEnvoy()
  const ports = await choosePorts(true)
  // The port is ours alone, so the folder is.
  const folder = join(root, 'demo', 'run', String(ports.envoy))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const processes = createProcesses(folder)
  closing.push(() => processes.stop())
  const parts = { ports, processes, folder }

  const kratos = await startKratos(chooseKratos(), parts)
  closing.push(() => kratos.close())
  say(`Kratos     ${kratos.publicUrl}   ${kratos.description}`)
  const calls = await startCountingProxy(kratos.publicUrl)
  closing.push(() => calls.close())

  const workload = await createWorkload()
  const upstream = await startUpstream({
    port: ports.application,
    kratosPublicUrl: kratos.publicUrl,
    kratosIs: kratos.description,
    workload,
  })
  closing.push(() => upstream.close())
  say(`App        http://127.0.0.1:${ports.application}   the admin page and an echo`)

  const config = writeConfiguration(ports, folder, kratos.publicUrl, calls.url)
  await startCredence(config, { apiPort: ports.credenceApi, processes, folder })
  say(`Credence   127.0.0.1:${ports.credence} (gRPC), http://127.0.0.1:${ports.credenceApi} (health, rules)`)

  const envoy = withPorts(readFileSync(join(root, 'envoy', 'demo.yaml'), 'utf8'), ports)
  await startEnvoy(binary, envoy, { adminPort: ports.envoyAdmin, processes, folder })
  const origin = `http://127.0.0.1:${ports.envoy}`
  say(`Envoy      ${origin}   ${binary}`)

  const own = kratos.kind !== 'running'
  const user = await kratos.createUser(own ? 'admin@example.com' : undefined)
  const url = `http://127.0.0.1:${ports.credenceApi}/sessions/revocations`
  const revocations = { url, key: /revocation: \{ keys: \[(.*?)\] \}/.exec(config)?.[1] ?? '' }
  return { origin, revocations, folder, kratos, calls, user, codes: [], upstream, workload, close }
}

/** Copies of the files of the checkout with today's ports; Credence asks Kratos by way of the counter. */
function writeConfiguration(ports: Ports, folder: string, kratosUrl: string, countedUrl: string): string {
  // Not the beginning of another port, which the counter may have got.
  const usual = /http:\/\/127\.0\.0\.1:4433\b/g
  for (const name of RULE_FILES) {
    const text = readFileSync(join(root, 'rules', name), 'utf8').replace(usual, kratosUrl)
    writeFileSync(join(folder, name), withPorts(text, ports))
  }
  const text = readFileSync(join(root, 'demo', 'credence.yaml'), 'utf8')
    .replace(/(check_session_url: )http:\/\/127\.0\.0\.1:4433\b/, `$1${countedUrl}`)
    .replace(usual, kratosUrl)
    .replaceAll('file://./rules/', `file://${folder}/`)
  return withPorts(text, ports)
}
