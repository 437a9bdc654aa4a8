import assert from 'node:assert/strict'
import test from 'node:test'
import { freePort } from '../../../demo/ports.ts'
import { openRedisClient } from '../../../src/sessions/replication/redis_client.ts'

test('a disconnected client reports the cause, but not with every command', async () => {
  const told: string[] = []
  let heard = () => {}
  const reason = new Promise<void>(resolve => {
    heard = resolve
  })
  const line = await openRedisClient({
    mode: 'single',
    nodes: [{ host: '127.0.0.1', port: await freePort() }],
    master: '',
    username: undefined,
    password: undefined,
    sentinelPassword: undefined,
    database: 0,
    tls: undefined,
    onError(code) {
      told.push(code)
      if (code === 'ECONNREFUSED') heard()
    },
  })
  await assert.rejects(line.send('key', ['GET', 'key']))
  await reason
  await assert.rejects(line.send('key', ['GET', 'key']))
  await line.close()
  assert.deepEqual([...new Set(told)], ['ECONNREFUSED'])
})
