/** The built package runs without the sources: its launcher, its files, and the packages that it loads on demand. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { freePort } from '../../demo/ports.ts'

const { bundle } = (await import(new URL('../../scripts/build.js', import.meta.url).href)) as {
  bundle(folder: string): Promise<readonly string[]>
}

const root = new URL('../..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'credence-package-'))
let bundled: readonly string[] = []

before(async () => {
  for (const name of ['bin', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  bundled = await bundle(join(folder, 'dist'))
})
after(() => rmSync(folder, { recursive: true }))

const ANY_PORT = { host: '127.0.0.1', port: 0 }

/** Serves a rule for everybody until it has allowed one request, and stops. */
async function serveOnce(engine: string, config: object): Promise<void> {
  const file = (name: string, content: object): string => {
    writeFileSync(join(folder, name), JSON.stringify(content))
    return join(folder, name)
  }
  const api = { host: '127.0.0.1', port: await freePort(), decisions: true }
  const rules = file('rules.json', [RULE])
  const configFile = file('config.json', {
    serve: { grpc: { ...ANY_PORT, engine }, api, prometheus: ANY_PORT, shutdown_delay: '0s' },
    authorizers: { allow: { enabled: true } },
    mutators: { noop: { enabled: true } },
    access_rules: { repositories: [`file://${rules}`] },
    ...config,
  })
  const args = [join(folder, 'bin/credence.js'), 'serve', '--config', configFile]
  // The home does not exist, so the compile cache is in the package.
  const env = { PATH: process.env.PATH, HOME: join(folder, 'nowhere') }
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  const ended = new Promise(resolve => child.once('exit', resolve))
  let log = ''
  let status = 0
  for await (const chunk of child.stdout) {
    log += chunk
    if (child.killed || !log.includes('"event":"ready"')) continue
    status = (await fetch(`http://127.0.0.1:${api.port}/decisions/a`)).status
    child.kill('SIGTERM')
  }
  assert.deepEqual([await ended, status], [0, 200], log)
}

const RULE = {
  id: 'a',
  match: { url: 'http://<[^/]+>/a', methods: ['GET'] },
  authenticators: [{ handler: 'anonymous' }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'noop' }],
}
const ANONYMOUS = { anonymous: { enabled: true } }

test('the files contain what every start loads, with their licenses, and nothing that is loaded on demand', () => {
  for (const name of ['commander', 'zod', 'pino', 'refa', 'undici', '@opentelemetry/sdk-metrics'])
    assert.ok(bundled.includes(name), name)
  for (const name of [
    'redis',
    'jose',
    '@ory/client',
    '@grpc/grpc-js',
    '@opentelemetry/sdk-node',
    'pino-pretty',
  ])
    assert.ok(!bundled.includes(name), name)
  const licenses = readFileSync(join(folder, 'dist/LICENSES.txt'), 'utf8')
  for (const name of bundled) assert.ok(licenses.includes(`## ${name}\n`), name)
  for (const name of readdirSync(join(folder, 'dist')).filter(file => file.endsWith('.js')))
    assert.ok(statSync(join(folder, 'dist', `${name}.map`)).isFile(), name)
})

test('the package serves, and keeps compiled code for its user alone', async () => {
  await serveOnce('native', { authenticators: ANONYMOUS })
  const cache = join(folder, '.compile-cache')
  assert.equal(statSync(cache).mode & 0o777, 0o700)
  assert.notEqual(readdirSync(cache).length, 0)
})

test('the package loads what a configuration needs: grpc-js, jose, tracing', async () => {
  const jwt = { enabled: true, config: { jwks_urls: ['http://127.0.0.1:1/keys'] } }
  await serveOnce('grpc-js', {
    authenticators: { ...ANONYMOUS, jwt },
    tracing: { provider: 'otel', providers: { otlp: { server_url: '127.0.0.1:1', insecure: true } } },
  })
})
