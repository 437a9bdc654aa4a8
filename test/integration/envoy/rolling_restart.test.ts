/** A rolling restart of two replicas behind an Envoy with health checks but without retries. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCredence } from '../../../demo/credence.ts'
import { findEnvoy, startEnvoy } from '../../../demo/envoy.ts'
import { projectRoot } from '../../../demo/kratos.ts'
import { freePort } from '../../../demo/ports.ts'
import { createProcessManager, type ManagedProcess } from '../../../demo/processes.ts'

const REQUESTS = 3_300
/** Slow enough that the requests outlast both restarts: 22 s. */
const PAUSE_MS = 20 / 3
const MAX_LOST = 3

const RULES = `
- id: all
  match: { url: "<https?>://<[^/]+>/app", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
`

/** Without shedding, because a busy machine that starts a replica beside the other delays the event loop of both. */
const credenceYaml = (grpc: number, api: number, prometheus: number, rules: string): string => `
serve:
  grpc: { host: 127.0.0.1, port: ${grpc} }
  api: { host: 127.0.0.1, port: ${api} }
  overload: { max_event_loop_delay: 0s }
  prometheus: { host: 127.0.0.1, port: ${prometheus} }
access_rules: { repositories: ["file://${rules}"] }
authenticators: { anonymous: { enabled: true } }
authorizers: { allow: { enabled: true } }
mutators: { noop: { enabled: true } }
`

function replaceOnce(text: string, from: string | RegExp, to: string): string {
  const replaced = text.replace(from, to)
  assert.notEqual(replaced, text, `nothing to replace: ${from}`)
  return replaced
}

/** envoy/minimal.yaml for two replicas. Envoy answers in place of the application, whose errors would count as well. */
function envoyYaml(port: number, adminPort: number, replicas: readonly number[]): string {
  const endpoint = (number: number | string): string =>
    `        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${number} } } }\n`
  const check = '{ service_name: envoy.service.auth.v3.Authorization }'
  const cluster = `    lb_policy: LEAST_REQUEST
    health_checks:
    - { timeout: 0.5s, interval: 0.5s, no_traffic_interval: 0.5s, unhealthy_threshold: 2, healthy_threshold: 1, grpc_health_check: ${check} }
`
  let yaml = readFileSync(join(projectRoot, 'envoy', 'minimal.yaml'), 'utf8')
  yaml = replaceOnce(yaml, 'port_value: 10000', `port_value: ${port}`)
  yaml = replaceOnce(yaml, 'route: { cluster: app }', 'direct_response: { status: 200 }')
  yaml = replaceOnce(yaml, endpoint(9191), replicas.map(endpoint).join(''))
  yaml = replaceOnce(yaml, '    connect_timeout: 0.25s\n', `    connect_timeout: 0.25s\n${cluster}`)
  return `admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${adminPort} } } }\n${yaml}`
}

test('a rolling restart of two replicas loses at most 3 of 3,300 requests', {
  timeout: 120_000,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-rolling-'))
  const processes = createProcessManager(folder, { endOnSignal: true })
  const agent = new Agent({ keepAlive: true, maxSockets: 50 })
  t.after(async () => {
    agent.destroy()
    await processes.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const rules = join(folder, 'rules.yaml')
  writeFileSync(rules, RULES)
  async function createReplica(name: string) {
    const [grpc, apiPort, prometheus] = [await freePort(), await freePort(), await freePort()]
    const own = join(folder, name)
    mkdirSync(own)
    const yaml = credenceYaml(grpc, apiPort, prometheus, rules)
    const start = () => startCredence(yaml, { apiPort, processes, folder: own })
    return { grpc, start, running: (await start()) as ManagedProcess }
  }
  const replicas = [await createReplica('a'), await createReplica('b')]
  const [port, adminPort] = [await freePort(), await freePort()]
  const yaml = envoyYaml(
    port,
    adminPort,
    replicas.map(({ grpc }) => grpc),
  )
  await startEnvoy(findEnvoy(), yaml, { adminPort, processes, folder })

  const began = performance.now()
  const elapsed = (): number => Math.round(performance.now() - began)
  const lost: string[] = []
  const request = (): Promise<void> =>
    new Promise(resolve => {
      const sent = elapsed()
      const end = (outcome: string): void => {
        if (outcome !== '200') lost.push(`${outcome} (sent at ${sent} ms, lost at ${elapsed()} ms)`)
        resolve()
      }
      const outgoing = get({ host: '127.0.0.1', port, path: '/app', agent, timeout: 10_000 }, response => {
        response.resume().on('end', () => end(String(response.statusCode)))
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error('no response within 10 s')))
      outgoing.on('error', error => end(error.message))
    })
  await request()
  assert.deepEqual(lost, [], 'a request before the restarts')

  let restarting = true
  const restarts = (async () => {
    await sleep(1_000)
    for (const replica of replicas) {
      t.diagnostic(`SIGTERM at ${elapsed()} ms`)
      replica.running.kill('SIGTERM')
      assert.equal(await replica.running.ended, 'exit code 0')
      t.diagnostic(`ended at ${elapsed()} ms`)
      replica.running = await replica.start()
      t.diagnostic(`ready at ${elapsed()} ms`)
    }
  })().finally(() => {
    restarting = false
  })
  // The time of each request is fixed, because a client that waits for responses sends fewer while they are late.
  const pending: Promise<void>[] = []
  const start = performance.now()
  while (restarting || pending.length < REQUESTS) {
    await sleep(Math.max(0, start + pending.length * PAUSE_MS - performance.now()))
    pending.push(request())
  }
  await restarts
  await Promise.all(pending)
  t.diagnostic(`lost ${lost.length} of ${pending.length}`)
  assert.ok(lost.length <= MAX_LOST, lost.join('\n'))
})
