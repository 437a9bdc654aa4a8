/** S2-9 on the api port: connections, bodies that are not read, and requests that never end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bodyTooLargeReply, jsonReply } from '../../src/api/reply.ts'
import { readBody } from '../../src/api/request_body.ts'
import { startApiServer } from '../../src/api/server.ts'

async function startServer(t: TestContext, { maxConnections = 10, read = 5_000 } = {}) {
  const api = await startApiServer({
    host: '127.0.0.1',
    port: 0,
    timeouts: { read, write: 60_000, idle: 60_000 },
    maxConnections,
    routes: [
      async ({ path, message }) => {
        if (path === '/unread') return jsonReply(200, {})
        return (await readBody(message, 10)) === undefined ? bodyTooLargeReply() : jsonReply(200, {})
      },
    ],
    cors: undefined,
    tls: undefined,
    onError: () => {},
  })
  t.after(() => api.close())
  return async (text: string): Promise<Socket> => {
    const socket = connect(Number(api.address.split(':')[1]), '127.0.0.1')
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
}

const post = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`

test('S2-9 (G4) a body that is too long by its Content-Length is 413 before it arrives', {
  timeout: 20_000,
}, async t => {
  const send = await startServer(t)
  const socket = await send(post('/', 11))
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 413 [\s\S]*connection: close/i)
})

test('S2-9 (G4) a connection whose body was not read is closed with the answer', {
  timeout: 20_000,
}, async t => {
  const send = await startServer(t)
  const socket = await send(post('/unread', 1_000_000))
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 [\s\S]*connection: close/i)
  for (const text of ['GET /unread HTTP/1.1\r\nhost: a\r\n\r\n', `${post('/', 3)}abc`]) {
    const whole = await send(text)
    assert.match(String((await once(whole, 'data'))[0]), /connection: keep-alive/i, 'nothing is left to read')
  }
})

test('S2-9 (G3) connections beyond the limit are closed', { timeout: 20_000 }, async t => {
  const send = await startServer(t, { maxConnections: 1 })
  const first = await send('')
  await sleep(50)
  const second = await send('')
  await once(second, 'close')
  first.write(`${post('/unread', 1)}a`)
  assert.match(String((await once(first, 'data'))[0]), /^HTTP\/1\.1 200 /)
})

test('S2-9 (G3) a request that never ends is closed soon after the read timeout', {
  timeout: 20_000,
}, async t => {
  const send = await startServer(t, { read: 200 })
  const socket = await send('GET / HTTP/1.1\r\nhost: a\r\nx: ')
  const started = performance.now()
  socket.resume()
  await once(socket, 'close')
  assert.ok(performance.now() - started < 5_000)
})
