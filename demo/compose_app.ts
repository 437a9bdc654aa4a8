/** Starts the demo's application for compose.yaml, where Envoy, Credence and Kratos run as containers, and creates a user. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sendRequest } from './browser.ts'
import { startKratos } from './kratos.ts'
import { DEFAULT_PORTS } from './ports.ts'
import { createProcessManager } from './processes.ts'
import { createTokenIssuer } from './web/token_issuer.ts'
import { startUpstream } from './web/upstream.ts'

const publicUrl = process.env.KRATOS_PUBLIC_URL ?? `http://127.0.0.1:${DEFAULT_PORTS.kratosPublic}`
const adminUrl = process.env.KRATOS_ADMIN_URL ?? `http://127.0.0.1:${DEFAULT_PORTS.kratosAdmin}`

const isReady = () =>
  sendRequest(`${publicUrl}/health/ready`, { method: 'GET', headers: {} }).then(
    page => page.status === 200,
    () => false,
  )
for (let tries = 0; !(await isReady()); tries++) {
  if (tries === 120) throw new Error(`Kratos is not ready at ${publicUrl} after 60 s`)
  await sleep(500)
}

const launchOptions = { ports: DEFAULT_PORTS, processes: createProcessManager('.'), folder: '.' }
const kratos = await startKratos({ kind: 'running', publicUrl, adminUrl }, launchOptions)
const upstream = await startUpstream({
  port: DEFAULT_PORTS.application,
  kratosPublicUrl: publicUrl,
  kratosDescription: kratos.pageDescription,
  tokenIssuer: await createTokenIssuer(),
})
const user = await kratos.createUser()
console.log(
  `Open http://127.0.0.1:${DEFAULT_PORTS.envoy}/admin and log in as ${user.email} with ${user.password}`,
)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await upstream.close()
    await kratos.close()
    process.exit(0)
  })
}
