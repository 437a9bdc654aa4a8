/** Stop: on SIGTERM health says not serving first, everything is still answered for `serve.shutdown_delay`, then the end. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../demo/ports.ts'
import { waitUntil } from '../support/wait_until.ts'

const LAUNCHER = fileURLToPath(new URL('../../bin/credence.js', import.meta.url))

async function startService(t: TestContext, delay: string) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-stop-'))
  const port = await freePort()
  const free = { host: '127.0.0.1', port: 0 }
  const rule = {
    id: 'a',
    match: { url: 'http://<[^/]+>/a', methods: ['GET'] },
    authenticators: [{ handler: 'anonymous' }],
    authorizer: { handler: 'allow' },
    mutators: [{ handler: 'noop' }],
  }
  writeFileSync(join(folder, 'rules.json'), JSON.stringify([rule]))
  const config = {
    serve: {
      grpc: free,
      prometheus: free,
      api: { host: '127.0.0.1', port, decisions: true },
      shutdown_delay: delay,
    },
    access_rules: { repositories: [`file://${folder}/rules.json`] },
    authenticators: { anonymous: { enabled: true } },
    authorizers: { allow: { enabled: true } },
    mutators: { noop: { enabled: true } },
  }
  writeFileSync(join(folder, 'c.json'), JSON.stringify(config))
  const child = spawn(process.execPath, [LAUNCHER, 'serve', '-c', join(folder, 'c.json')], {
    stdio: 'ignore',
  })
  const ended = new Promise(resolve => child.on('exit', (code, signal) => resolve(signal ?? code)))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true })
  })
  const ask = (path: string): Promise<number> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } }).then(
      response => response.status,
      () => 0,
    )
  await waitUntil('the service is ready', async () => (await ask('/health/ready')) === 200)
  return { child, ended, ask }
}

test('stop: after SIGTERM the service reports not ready and answers everything until the delay is over', {
  timeout: 20_000,
}, async t => {
  const { child, ended, ask } = await startService(t, '1s')
  const signaled = performance.now()
  child.kill('SIGTERM')
  await waitUntil('it reports not ready', async () => (await ask('/health/ready')) === 503)
  while (performance.now() - signaled < 700) {
    assert.equal(await ask('/decisions/a'), 200)
    assert.equal(await ask('/health/ready'), 503)
    await sleep(50)
  }
  assert.equal(await ended, 0)
  assert.ok(performance.now() - signaled >= 990)
})

test('stop: SIGINT and a second signal do not wait for the delay', { timeout: 60_000 }, async t => {
  const interrupted = await startService(t, '1h')
  interrupted.child.kill('SIGINT')
  assert.equal(await interrupted.ended, 0)
  const impatient = await startService(t, '1h')
  impatient.child.kill('SIGTERM')
  await waitUntil('it reports not ready', async () => (await impatient.ask('/health/ready')) === 503)
  impatient.child.kill('SIGTERM')
  assert.equal(await impatient.ended, 1)
})
