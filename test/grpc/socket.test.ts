/** Errors of a listener before and after it listens. The tests of the engines cover the rest. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { listenOn } from '../../src/grpc/socket.ts'

test('an error of accepting a connection is reported, and the listener goes on (G3)', async t => {
  const server = createServer(socket => socket.end('x'))
  t.after(() => server.close())
  const failures: Error[] = []
  const address = await listenOn(server, { host: '127.0.0.1', port: 0 }, error => failures.push(error))
  // Node emits this when no file descriptor is left.
  server.emit('error', new Error('accept EMFILE'))
  assert.deepEqual(
    failures.map(error => error.message),
    ['accept EMFILE'],
  )
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
  assert.equal(String((await once(socket, 'data'))[0]), 'x')
})

test('an address in use rejects the start and is not reported as a later error', async () => {
  const first = createServer()
  const address = await listenOn(first, { host: '127.0.0.1', port: 0 }, assert.fail)
  const port = Number(address.split(':')[1])
  await assert.rejects(listenOn(createServer(), { host: '127.0.0.1', port }, assert.fail), {
    code: 'EADDRINUSE',
  })
  await new Promise(resolve => first.close(resolve))
})
