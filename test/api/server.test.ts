import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { mock } from 'node:test'
import { jsonReply } from '../../src/api/reply.ts'
import { type ApiServer, type Route, startApiServer } from '../../src/api/server.ts'

const TIMEOUTS = { read: 60_000, write: 60_000, idle: 60_000 }

async function openServer(
  route: Route,
  accident: (error: unknown) => void = () => {},
): Promise<{ api: ApiServer; socket: Socket }> {
  const parts = {
    host: '127.0.0.1',
    port: 0,
    timeouts: TIMEOUTS,
    cors: undefined,
    tls: undefined,
    onError: accident,
  }
  const api = await startApiServer({ ...parts, routes: [route] })
  const socket = connect(Number(api.address.split(':')[1]), '127.0.0.1')
  await once(socket, 'connect')
  return { api, socket }
}

test('whoever has not finished asking holds up no stop', async () => {
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

test('who has asked is answered before a stop, and the connection ends with it', async () => {
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

test('a client that leaves in the middle is no accident; a route that throws is one', async () => {
  const accidents: unknown[] = []
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
    error => accidents.push(error),
  )
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab')
  await met.promise
  socket.destroy()
  await left.promise
  assert.equal((await fetch(`http://${api.address}/broken`, { method: 'POST', body: 'b' })).status, 500)
  await api.close()
  assert.deepEqual(accidents.map(String), ['Error: broken'])
})
