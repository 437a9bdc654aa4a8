/** The listeners: which addresses they open, and that a start that fails half way leaves none open. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import test, { type TestContext } from 'node:test'
import { freePort } from '../../demo/ports.ts'
import { type Config, loadConfig } from '../../src/app/config.ts'
import { createGrpcHealth, startListeners } from '../../src/app/listeners.ts'
import { createShutdown } from '../../src/app/shutdown.ts'
import { StartupError } from '../../src/app/startup_error.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { realClock } from '../support/clock.ts'
import { openMetrics } from '../support/metrics.ts'

function configOf(serve: object): Config {
  const files = [{ source: 'c.json', text: JSON.stringify({ serve }) }]
  const { config } = loadConfig({ files, env: {}, flags: new Map() }, HANDLERS)
  assert.ok(config !== undefined)
  return config
}

const FREE = { host: '127.0.0.1', port: 0 }

async function start(t: TestContext, serve: object) {
  const metrics = await openMetrics()
  const shutdown = createShutdown()
  shutdown.onClose(() => metrics.stop())
  t.after(() => shutdown.run())
  const ready = () => true
  const started = startListeners({
    config: configOf(serve),
    clock: realClock,
    log: { event: () => {} } as unknown as Log,
    metrics,
    health: createGrpcHealth(ready),
    shutdown,
    snapshot: () => undefined,
    overload: { overloaded: false, inProgress: 0 },
    ready,
    onDecision: [],
    onError: () => {},
    withSpan: undefined,
    showSubject: subject => subject,
    revoke: async () => true,
    onRevocationRejected: () => {},
    publicKeys: async () => ({ keys: [] }),
    validRules: () => [],
    recent: undefined,
    adminStatus: () => ({}),
    reload: async () => {},
    status: () => ({ revision: '', rules: 0, sources: [], problems: [], last_reload: undefined }),
  })
  return { started, shutdown }
}

const isAlive = (address: string): Promise<boolean> =>
  fetch(`http://${address}/health/alive`).then(
    response => response.status === 200,
    () => false,
  )

test('three listeners are opened, and closed by the shutdown', async t => {
  const { started, shutdown } = await start(t, { grpc: FREE, api: FREE, prometheus: FREE })
  const { grpc, api, prometheus } = await started
  assert.equal(new Set([grpc, api, prometheus]).size, 3)
  assert.equal((await fetch(`http://${prometheus}/metrics`)).status, 200)
  assert.equal(await isAlive(api), true)
  await shutdown.run()
  assert.equal(await isAlive(api), false)
})

test('a port in use stops the start with the setting to change, and the shutdown closes what was opened', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const apiPort = await freePort()
  const { started, shutdown } = await start(t, {
    grpc: { ...FREE, port },
    api: { ...FREE, port: apiPort },
    prometheus: FREE,
  })
  await assert.rejects(started, (error: unknown) => {
    assert.ok(error instanceof StartupError)
    assert.match(
      error.message,
      /^cannot listen for Envoy on 127\.0\.0\.1:\d+: it is in use; .* serve\.grpc\.port /,
    )
    return true
  })
  assert.equal(await isAlive(`127.0.0.1:${apiPort}`), true)
  await shutdown.run()
  assert.equal(await isAlive(`127.0.0.1:${apiPort}`), false)
})
