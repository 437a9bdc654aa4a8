/** Tests the choice of ports and their replacement in configurations. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { DEFAULT_PORTS, freePort, replacePorts } from '../../demo/ports.ts'

const other = Object.fromEntries(Object.entries(DEFAULT_PORTS).map(([part, port]) => [part, port + 1]))
const ports = other as unknown as Parameters<typeof replacePorts>[1]

test('a port is replaced after its key and after a host; other numbers are not', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['address: 127.0.0.1, port_value: 10000 } }', 'address: 127.0.0.1, port_value: 10001 } }'],
    ['grpc: { host: 127.0.0.1, port: 9191 }', 'grpc: { host: 127.0.0.1, port: 9192 }'],
    ['http://127.0.0.1:4433/x http://localhost:3000', 'http://127.0.0.1:4434/x http://localhost:3001'],
    ['http://127.0.0.1:4433 http://127.0.0.1:4434', 'http://127.0.0.1:4434 http://127.0.0.1:4435'],
    ['max_requests: 10000', 'max_requests: 10000'],
    ['127.0.0.1:44330', '127.0.0.1:44330'],
    ['timeout: 3000s', 'timeout: 3000s'],
  ]
  for (const [from, to] of rows) assert.equal(replacePorts(from, ports), to)
})

test('a free port is chosen instead of one in use', async () => {
  const taken = createServer()
  const port = await new Promise<number>(resolve => {
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port))
  })
  const found = await freePort(port)
  assert.notEqual(found, port)
  assert.ok(found > 0)
  await new Promise(resolve => taken.close(resolve))
})

test('a port is chosen once, in this process and in concurrent ones', async () => {
  const port = await freePort()
  assert.notEqual(await freePort(port), port)
  const script = `import { freePort } from ${JSON.stringify(new URL('../../demo/ports.ts', import.meta.url).href)}
    console.log(await freePort(${port}))`
  const other = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
  assert.equal(other.status, 0, other.stderr)
  assert.notEqual(Number(other.stdout), port)
  assert.ok(Number(other.stdout) < 32_768, 'outgoing connections use the ports from 32768')
})
