import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { mock } from 'node:test'
import { jsonReply } from '../../src/api/reply.ts'
import { type ApiServer, type Route, startApiServer } from '../../src/api/server.ts'

const TIMEOUTS = { read: 60_000, write: 60_000, idle: 60_000 }

async function openServer(
  route: Route,
  onError: (error: unknown) => void = () => {},
): Promise<{ api: ApiServer; socket: Socket }> {
  const parts = {
    host: '127.0.0.1',
    port: 0,
    timeouts: TIMEOUTS,
    cors: undefined,
    tls: undefined,
    onError,
  }
  const api = await startApiServer({ ...parts, routes: [route] })
  const socket = connect(Number(api.address.split(':')[1]), '127.0.0.1')
  await once(socket, 'connect')
  return { api, socket }
}

test('an unfinished request does not delay a stop beyond the drain timeout', async () => {
  const arrived = Promise.withResolvers<void>()
  const { api, socket } = await openServer(async ({ message }) => {
    arrived.resolve()
    for await (const _chunk of message);
    return jsonReply(200, {})
  })
  socket.on('error', () => {})
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab')
  await arrived.promise
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const closed = api.close()
    mock.timers.tick(10_000)
    await closed
  } finally {
    mock.timers.reset()
    socket.destroy()
  }
})

test('a request that has arrived is answered before a stop, and its connection closes', async () => {
  const arrived = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const { api, socket } = await openServer(async () => {
    arrived.resolve()
    await go.promise
    return jsonReply(200, { done: true })
  })
  let text = ''
  socket.setEncoding('latin1').on('data', part => {
    text += part
  })
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await arrived.promise
  const ended = once(socket, 'end')
  const closed = api.close()
  go.resolve()
  await Promise.all([closed, ended])
  assert.match(text, /^HTTP\/1\.1 200 OK.*"done":true/s)
})

test('a client that disconnects in the middle is not an error; a route that throws is one', async () => {
  const errors: unknown[] = []
  const met = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const { api, socket } = await openServer(
    async ({ path, message }) => {
      if (path === '/broken') throw new Error('broken')
      met.resolve()
      try {
        for await (const _chunk of message);
      } finally {
        left.resolve()
      }
      return undefined
    },
    error => errors.push(error),
  )
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab')
  await met.promise
  socket.destroy()
  await left.promise
  assert.equal((await fetch(`http://${api.address}/broken`, { method: 'POST', body: 'b' })).status, 500)
  await api.close()
  assert.deepEqual(errors.map(String), ['Error: broken'])
})
