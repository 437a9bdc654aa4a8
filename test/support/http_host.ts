/** test/fakes/http_host — a host on loopback whose answers are written by the test, down to the byte. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net'

export interface Host {
  readonly url: string
  /** Connections accepted so far. */
  connections(): number
  close(): Promise<void>
}

export const httpHost = (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Host> => listen(createServer(answer))

/** Raw bytes in, raw bytes out. `data` is what came first on the connection. */
export const rawHost = (answer: (socket: Socket, data: string) => void): Promise<Host> =>
  listen(createRawServer(socket => socket.once('data', data => answer(socket, data.toString('latin1')))))

function listen(server: Server): Promise<Host> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  const { promise, resolve } = Promise.withResolvers<Host>()
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    resolve({
      url: `http://127.0.0.1:${port}`,
      connections: () => accepted,
      close() {
        for (const socket of sockets) socket.destroy()
        return new Promise(done => server.close(() => done()))
      },
    })
  })
  return promise
}
