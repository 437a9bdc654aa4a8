import assert from 'node:assert/strict'
import test from 'node:test'
import { freePort } from '../../../demo/ports.ts'
import { openRedisClient } from '../../../src/sessions/replication/redis_client.ts'

test('a disconnected client reports the cause, but not with every command', async () => {
  const codes: string[] = []
  let onReported = () => {}
  const reason = new Promise<void>(resolve => {
    onReported = resolve
  })
  const client = await openRedisClient({
    mode: 'single',
    nodes: [{ host: '127.0.0.1', port: await freePort() }],
    master: '',
    username: undefined,
    password: undefined,
    sentinelPassword: undefined,
    database: 0,
    tls: undefined,
    onError(code) {
      codes.push(code)
      if (code === 'ECONNREFUSED') onReported()
    },
  })
  await assert.rejects(client.send('key', ['GET', 'key']))
  await reason
  await assert.rejects(client.send('key', ['GET', 'key']))
  await client.close()
  assert.deepEqual([...new Set(codes)], ['ECONNREFUSED'])
})
