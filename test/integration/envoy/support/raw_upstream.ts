/** An upstream that records the bytes of each request and accepts all of them, as servers other than Node may do. */
import { createServer, type Socket } from 'node:net'

export interface RawUpstream {
  /** Request line and headers of all requests as latin1 text, oldest first. */
  readonly receivedHeads: readonly string[]
  close(): Promise<void>
}

/** Responds with 200 and the request line, and closes the connection without waiting for a body. */
export async function startRawUpstream(port: number): Promise<RawUpstream> {
  const receivedHeads: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    let text = ''
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('data', chunk => {
      const before = text.includes('\r\n\r\n')
      text += chunk.toString('latin1')
      if (before || !text.includes('\r\n\r\n')) return
      const head = text.slice(0, text.indexOf('\r\n\r\n'))
      receivedHeads.push(head)
      const body = Buffer.from(head.split('\r\n')[0] ?? '', 'latin1')
      const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`
      socket.end(Buffer.concat([Buffer.from(answer), body]))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    receivedHeads,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
