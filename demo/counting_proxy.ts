/** An HTTP proxy that counts requests and can cut the connection, to show what Credence asks of Kratos. */
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface CountingProxy {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string
  /** Number of requests with that path since the start. */
  count(path: string): number
  /** Closes open connections, and new ones as soon as they are accepted. */
  disconnect(): void
  reconnect(): void
  close(): Promise<void>
}

/** Listens on a free loopback port. An unreachable target is a 502. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const counts = new Map<string, number>()
  let connected = true
  const agent = new Agent({ keepAlive: true })
  const server = createServer((incoming, response) => {
    const path = (incoming.url ?? '/').split('?')[0] as string
    counts.set(path, (counts.get(path) ?? 0) + 1)
    const outgoing = request(new URL(incoming.url ?? '/', target), {
      method: incoming.method ?? 'GET',
      headers: { ...incoming.headers, host: new URL(target).host },
      agent,
    })
    outgoing.on('response', reply => {
      response.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
      reply.pipe(response)
    })
    outgoing.on('error', () => response.writableEnded || response.writeHead(502).end())
    incoming.pipe(outgoing)
  })
  server.on('connection', socket => connected || socket.destroy())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: path => counts.get(path) ?? 0,
    disconnect() {
      connected = false
      server.closeAllConnections()
    },
    reconnect() {
      connected = true
    },
    async close() {
      agent.destroy()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
