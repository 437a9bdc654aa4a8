/** What an operator reads when the service cannot start, and how it stops. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../demo/ports.ts'
import { runCli as runCommand } from '../../src/cli/program.ts'
import { engineEnv } from '../support/engine.ts'

const launcher = fileURLToPath(new URL('../../bin/credence.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'credence-serve-'))
after(() => rmSync(folder, { recursive: true }))

/** A server on the port that the service is told to use. */
let occupiedServer: Server
before(async () => {
  occupiedServer = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => occupiedServer.once('listening', resolve))
})
after(() => occupiedServer.close())

const serveKeys = (over: object) => ({
  grpc: { port: 0 },
  api: { host: '127.0.0.1', port: 0 },
  prometheus: { host: '127.0.0.1', port: 0 },
  shutdown_delay: '0s',
  ...over,
})
const occupiedPort = () => ({ host: '127.0.0.1', port: (occupiedServer.address() as AddressInfo).port })

/** Runs the command in this process. */
async function serveWithConfig(config: string): Promise<{ code: number; says: string }> {
  const file = join(folder, 'credence.yaml')
  writeFileSync(file, config)
  return runCommandLine('serve', '--config', file)
}

async function runCommandLine(...args: string[]): Promise<{ code: number; says: string }> {
  let says = ''
  const err = (text: string) => {
    says += text
  }
  const env = { ...engineEnv, LOG_LEVEL: 'fatal' }
  return { code: await runCommand(args, { out: () => {}, err, env }), says }
}

const START_FAILURES: Readonly<Record<string, readonly [config: () => string, says: RegExp]>> = {
  'the gRPC port is in use': [
    () => JSON.stringify({ serve: serveKeys({ grpc: occupiedPort() }) }),
    /^credence: cannot listen for Envoy on 127\.0\.0\.1:\d+: it is in use.*serve\.grpc\.port \(--serve-grpc-port, CREDENCE_SERVE_GRPC_PORT\)\.\n$/,
  ],
  'the api port is in use': [
    () => JSON.stringify({ serve: serveKeys({ api: occupiedPort() }) }),
    /^credence: cannot listen for the api on 127\.0\.0\.1:\d+: it is in use.*serve\.api\.port \(SERVE_API_PORT\)\.\n$/,
  ],
  'the metrics port is in use': [
    () => JSON.stringify({ serve: serveKeys({ prometheus: occupiedPort() }) }),
    /^credence: cannot listen for Prometheus on 127\.0\.0\.1:\d+: it is in use.*SERVE_PROMETHEUS_PORT/,
  ],
  'the address belongs to another machine': [
    () => JSON.stringify({ serve: serveKeys({ grpc: { host: '192.0.2.1', port: 0 } }) }),
    /^credence: cannot listen for Envoy on 192\.0\.2\.1:0: this machine has no such address\. It is set by serve\.grpc\.host \(--serve-grpc-host, CREDENCE_SERVE_GRPC_HOST\)\.\n$/,
  ],
  'the host of the api cannot be resolved': [
    () => JSON.stringify({ serve: serveKeys({ api: { host: 'nowhere.invalid', port: 0 } }) }),
    /the host name cannot be resolved\. It is set by serve\.api\.host \(SERVE_API_HOST\)\.\n$/,
  ],
  'the path of the socket is too long': [
    () => JSON.stringify({ serve: serveKeys({ grpc: { socket: join(folder, 'x'.repeat(120)) } }) }),
    /: the path is longer than the path of a socket may be/,
  ],
  'the folder of the socket does not exist': [
    () => JSON.stringify({ serve: serveKeys({ grpc: { socket: '/nowhere/check.sock' } }) }),
    /^credence: cannot listen for Envoy on \/nowhere\/check\.sock: .*folder.*serve\.grpc\.socket/,
  ],
  'another file has the path of the socket': [
    () => JSON.stringify({ serve: serveKeys({ grpc: { socket: launcher } }) }),
    /^credence: cannot listen for Envoy on .*: .* exists and is not a socket/,
  ],
  'rules cannot be read and access_rules.fail_fast is set': [
    () =>
      JSON.stringify({
        serve: serveKeys({}),
        access_rules: { repositories: ['file:///nowhere/rules.yaml'], fail_fast: true },
      }),
    /^credence: the rules cannot be loaded\n.*credence\.yaml:1:\d+: error: access_rules\.repositories\[0\]: \/nowhere\/rules\.yaml cannot be read: the file does not exist\n$/,
  ],
  'the configuration is not YAML': [
    () => 'serve: { grpc: { port: 1\n  api: ]',
    /^credence: the configuration has errors\n.*credence\.yaml:2:\d+: error: /,
  ],
  'a key is misspelt': [
    () => 'serve: { grpc: { prot: 1 } }',
    /credence\.yaml:1:\d+: error: serve\.grpc\.prot: unknown key "prot" \(did you mean "port"\?\)\n$/,
  ],
}

for (const [what, [config, says]] of Object.entries(START_FAILURES)) {
  test(`if ${what}, serve exits with 1 and says what to do`, async () => {
    const said = await serveWithConfig(config())
    assert.equal(said.code, 1)
    assert.match(said.says, says)
    assert.doesNotMatch(said.says, /^ +at /m, 'no stack')
  })
}

test('a configuration file that cannot be read is reported', async () => {
  const { code, says } = await runCommandLine('serve', '-c', folder)
  assert.equal(code, 1)
  assert.ok(says.includes(`${folder}: error: cannot be read: it is a directory`), says)
})

test('a service that could open only some of its ports exits', () => {
  const file = join(folder, 'half.yaml')
  writeFileSync(file, JSON.stringify({ serve: serveKeys({ prometheus: occupiedPort() }) }))
  const options = { encoding: 'utf8', timeout: 20_000 } as const
  const { status, signal, stderr } = spawnSync(process.execPath, [launcher, 'serve', '-c', file], options)
  assert.deepEqual([status, signal], [1, null])
  assert.match(stderr, /^credence: cannot listen for Prometheus/)
})

test('SIGHUP reloads everything, remote repositories included, and the service continues', async () => {
  const file = join(folder, 'hup.yaml')
  const rules = createHttpServer((_request, response) => response.end('[]')).listen(0, '127.0.0.1')
  await new Promise(resolve => rules.once('listening', resolve))
  const { port } = rules.address() as AddressInfo
  const repositories = [`http://127.0.0.1:${port}/rules.json`]
  writeFileSync(file, JSON.stringify({ serve: serveKeys({}), access_rules: { repositories } }))
  const child = spawn(process.execPath, [launcher, 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise(resolve => child.on('exit', (code, signal) => resolve(signal ?? code)))
  let out = ''
  const said = (text: string) =>
    new Promise<void>(resolve => {
      const look = () => void (out.includes(text) && resolve())
      child.stdout.on('data', look)
      look()
    })
  child.stdout.on('data', chunk => {
    out += chunk
  })
  try {
    await said('"event":"ready"')
    const asked = new Promise(resolve => rules.once('request', resolve))
    child.kill('SIGHUP')
    await Promise.race([asked, ended.then(code => assert.fail(`ended with ${code}`))])
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
  } finally {
    child.kill('SIGKILL')
    rules.close()
  }
})

const noFullDevice = existsSync('/dev/full') ? false : 'there is no /dev/full on this system'
for (const format of ['json', 'text']) {
  test(`a ${format} log on a full disk neither stops nor blocks the service`, {
    skip: noFullDevice,
  }, async () => {
    const full = openSync('/dev/full', 'w')
    const port = await freePort()
    const file = join(folder, `full_${format}.yaml`)
    const serve = serveKeys({ api: { host: '127.0.0.1', port } })
    writeFileSync(file, JSON.stringify({ serve, log: { format } }))
    const child = spawn(process.execPath, [launcher, 'serve', '-c', file], {
      stdio: ['ignore', full, 'pipe'],
    })
    const ended = new Promise(resolve => child.on('exit', (code, signal) => resolve(signal ?? code)))
    try {
      const [told] = await once(child.stderr as Readable, 'data')
      assert.match(String(told), /^credence: cannot write the log \(ENOSPC\)/)
      const answer = await fetch(`http://127.0.0.1:${port}/health/alive`, {
        signal: AbortSignal.timeout(10_000),
      })
      assert.equal(answer.status, 200)
      child.kill('SIGTERM')
      assert.equal(await Promise.race([ended, setTimeout(10_000, 'still there', { ref: false })]), 0)
    } finally {
      child.kill('SIGKILL')
      closeSync(full)
    }
  })
}

test('an uncaught exception is logged without its message and stops the service in order, with exit code 1 (F4)', async () => {
  const bad = join(folder, 'bad.mjs')
  writeFileSync(bad, "process.on('SIGUSR2', () => { Promise.reject(new TypeError('ory_st_secret\\nmore')) })")
  const file = join(folder, 'lost.yaml')
  writeFileSync(file, JSON.stringify({ serve: serveKeys({}) }))
  const child = spawn(process.execPath, ['--import', bad, launcher, 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  const ended = new Promise(resolve => child.on('exit', (code, signal) => resolve(signal ?? code)))
  child.stderr.on('data', chunk => {
    out += chunk
  })
  await new Promise<void>(resolve => {
    child.stdout.on('data', chunk => {
      out += chunk
      if (out.includes('"event":"ready"')) resolve()
    })
  })
  child.kill('SIGUSR2')
  assert.equal(await ended, 1)
  assert.match(out, /"event":"internal_error","where":"process","error":"TypeError"/)
  assert.match(out, /"event":"stopped"/)
  assert.doesNotMatch(out, /ory_st_secret|more/)
})
