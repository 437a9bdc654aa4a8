/** The launcher passes arguments, output, exit code and signals between the shell and the service. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const launcher = fileURLToPath(new URL('bin/credence.js', root))
const run = (...args: string[]) => spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8' })

test('arguments are passed on, output and exit code are returned', () => {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
  const good = run('--version')
  assert.deepEqual([good.status, good.stdout.trim()], [0, version])
  const bad = run('serve', '--config', '/nowhere/credence.yaml')
  assert.equal(bad.status, 1)
  assert.match(bad.stderr, /\/nowhere\/credence\.yaml/)
})

test('SIGTERM stops the service in order, with exit code 0', async () => {
  const env = {
    ...process.env,
    CREDENCE_SERVE_GRPC_PORT: '0',
    SERVE_API_PORT: '0',
    SERVE_PROMETHEUS_PORT: '0',
    CREDENCE_SERVE_SHUTDOWN_DELAY: '0s',
  }
  const child = spawn(process.execPath, [launcher, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => child.on('exit', (code, signal) => resolve(signal ?? code)))
  let out = ''
  await new Promise<void>(resolve => {
    child.stdout.on('data', chunk => {
      out += chunk
      if (out.includes('"event":"ready"') || out.includes('"event":"not_ready"')) resolve()
    })
    child.on('exit', () => resolve())
  })
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
  assert.match(out, /"event":"stopped"/)
})
