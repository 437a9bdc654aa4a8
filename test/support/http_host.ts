/** test/fakes/http_host — a host on loopback whose answers are written by the test, down to the byte. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net'

export interface FakeHost {
  readonly url: string
  /** Connections accepted so far. */
  connectionCount(): number
  close(): Promise<void>
}

export const startHttpHost = (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FakeHost> => listen(createServer(answer))

/** Raw bytes in, raw bytes out. `data` is what came first on the connection. */
export const startRawHost = (answer: (socket: Socket, data: string) => void): Promise<FakeHost> =>
  listen(createRawServer(socket => socket.once('data', data => answer(socket, data.toString('latin1')))))

function listen(server: Server): Promise<FakeHost> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  const { promise, resolve } = Promise.withResolvers<FakeHost>()
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    resolve({
      url: `http://127.0.0.1:${port}`,
      connectionCount: () => accepted,
      close() {
        for (const socket of sockets) socket.destroy()
        return new Promise(done => server.close(() => done()))
      },
    })
  })
  return promise
}
