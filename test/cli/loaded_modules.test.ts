/** A plain configuration loads no module of what it does not use: each costs every start time and memory. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'

const root = new URL('../..', import.meta.url).pathname

/** Writes the URLs of all modules, and the names of Node's own, when the process exits. */
const RECORDER = `
import { registerHooks } from 'node:module'
import { writeFileSync } from 'node:fs'
const urls = []
registerHooks({ load(url, context, next) { urls.push(url); return next(url, context) } })
process.on('exit', () =>
  writeFileSync(process.env.RECORDED_MODULES, JSON.stringify([...urls, ...process.moduleLoadList])))
`

const CONFIG = {
  serve: {
    grpc: { host: '127.0.0.1', port: 0 },
    api: { host: '127.0.0.1', port: 0 },
    prometheus: { host: '127.0.0.1', port: 0 },
    shutdown_delay: '0s',
  },
  authenticators: {
    cookie_session: { enabled: true, config: { check_session_url: 'http://127.0.0.1:1/sessions/whoami' } },
  },
  authorizers: { allow: { enabled: true } },
  mutators: { header: { enabled: true, config: { headers: { 'x-user': '{{ print .Subject }}' } } } },
}
const RULE = {
  id: 'a',
  match: { url: 'https://<[^/]+>/<.*>', methods: ['GET'] },
  authenticators: [{ handler: 'cookie_session' }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'header' }],
}

/** Starts the service, waits until it is ready, stops it, and returns what it loaded. */
async function modulesOf(t: TestContext, config: object): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-modules-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const rules = `file://${file('rules.json', JSON.stringify([RULE]))}`
  const text = JSON.stringify({ ...config, access_rules: { repositories: [rules] } })
  const recorded = join(folder, 'modules.json')
  const args = ['--import', file('recorder.mjs', RECORDER), join(root, 'src/main.ts')]
  const env = { PATH: process.env.PATH, RECORDED_MODULES: recorded }
  const child = spawn(process.execPath, [...args, 'serve', '--config', file('config.json', text)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  })
  const ended = new Promise(resolve => child.once('exit', resolve))
  let log = ''
  for await (const chunk of child.stdout) {
    log += chunk
    if (!child.killed && log.includes('"event":"ready"')) child.kill('SIGTERM')
  }
  assert.equal(await ended, 0, log)
  return JSON.parse(readFileSync(recorded, 'utf8')) as string[]
}

/** pino's own packages are left out. A package that joins this list needs a reason in docs/decisions/0038. */
const EXPECTED_PACKAGES = [
  '@opentelemetry/api',
  '@opentelemetry/core',
  '@opentelemetry/exporter-prometheus',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/semantic-conventions',
  'commander',
  'js-yaml',
  'lru-cache',
  'refa',
  'smol-toml',
  'undici',
  'zod',
]

const packageOf = (url: string): string => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? ''

test('a plain configuration loads only the packages that every start needs', async t => {
  const modules = await modulesOf(t, CONFIG)
  const packages = new Set(modules.map(packageOf).filter(name => name !== ''))
  assert.deepEqual(
    [...packages]
      .filter(
        name =>
          !/^(?:@?pino|thread-stream|sonic-boom|quick-format|atomic-sleep|on-exit|safe-stable)/.test(name),
      )
      .sort(),
    EXPECTED_PACKAGES,
  )
  const entire = modules.filter(url => /\/node_modules\/undici\/index\.js$/.test(url))
  assert.deepEqual(entire, [], 'the pool of undici is enough')
  const copies = modules.filter(name => name.endsWith('internal/deps/undici/undici'))
  assert.deepEqual(copies, [], 'Node loads a copy of undici where a module imports node:http')
})

test('a configuration with JWTs loads jose before the first request', async t => {
  const jwks = { jwks_urls: ['http://127.0.0.1:1/keys'] }
  const authenticators = { ...CONFIG.authenticators, jwt: { enabled: true, config: jwks } }
  const modules = await modulesOf(t, { ...CONFIG, authenticators })
  assert.ok(modules.some(url => packageOf(url) === 'jose'))
})
