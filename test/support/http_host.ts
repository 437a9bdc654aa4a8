/** HTTP and raw TCP servers on loopback whose responses the test writes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net'

export interface FakeHost {
  readonly url: string
  /** Number of accepted connections. */
  connectionCount(): number
  close(): Promise<void>
}

export const startHttpHost = (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FakeHost> => listen(createServer(answer))

/** A raw TCP server. `data` is the first chunk of the connection. */
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
