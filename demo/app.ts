/** demo/app — the demo's application on its own, beside an Envoy, a Credence and a Kratos that run already (compose.yaml). Makes a user and says so. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sendRequest } from './browser.ts'
import { startKratos } from './kratos.ts'
import { DEFAULT_PORTS } from './ports.ts'
import { createProcessManager } from './processes.ts'
import { startUpstream } from './upstream.ts'
import { createTokenIssuer } from './workload.ts'

const publicUrl = process.env.KRATOS_PUBLIC_URL ?? `http://127.0.0.1:${DEFAULT_PORTS.kratosPublic}`
const adminUrl = process.env.KRATOS_ADMIN_URL ?? `http://127.0.0.1:${DEFAULT_PORTS.kratosAdmin}`

const ready = () =>
  sendRequest(`${publicUrl}/health/ready`, { method: 'GET', headers: {} }).then(
    page => page.status === 200,
    () => false,
  )
for (let tries = 0; !(await ready()); tries++) {
  if (tries === 120) throw new Error(`no Kratos answers at ${publicUrl}`)
  await sleep(500)
}

const parts = { ports: DEFAULT_PORTS, processes: createProcessManager('.'), folder: '.' }
const kratos = await startKratos({ kind: 'running', publicUrl, adminUrl }, parts)
const upstream = await startUpstream({
  port: DEFAULT_PORTS.application,
  kratosPublicUrl: publicUrl,
  kratosIs: kratos.description,
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
