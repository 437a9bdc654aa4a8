/** test/envoy/socket — what becomes of a listener after it listens; the rest is told by the engines' tests. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { listenOn } from '../../src/grpc/socket.ts'

test('a connection that cannot be taken is told, and the listener goes on (G3)', async t => {
  const server = createServer(socket => socket.end('x'))
  t.after(() => server.close())
  const failures: Error[] = []
  const address = await listenOn(server, { host: '127.0.0.1', port: 0 }, error => failures.push(error))
  // As Node does when there are no descriptors left.
  server.emit('error', new Error('accept EMFILE'))
  assert.deepEqual(
    failures.map(error => error.message),
    ['accept EMFILE'],
  )
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
  assert.equal(String((await once(socket, 'data'))[0]), 'x')
})

test('what is in the way at the start is the listener’s refusal, not an accident', async () => {
  const first = createServer()
  const address = await listenOn(first, { host: '127.0.0.1', port: 0 }, assert.fail)
  const port = Number(address.split(':')[1])
  await assert.rejects(listenOn(createServer(), { host: '127.0.0.1', port }, assert.fail), {
    code: 'EADDRINUSE',
  })
  await new Promise(resolve => first.close(resolve))
})
