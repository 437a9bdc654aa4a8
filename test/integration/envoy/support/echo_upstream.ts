/** An HTTP/1 upstream that returns what it received as JSON, streams events, and echoes WebSocket messages. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

export interface EchoedRequest {
  readonly method: string
  /** Path and query as received. */
  readonly target: string
  /** `[name, value]` for each header line, names as received. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** First value of the header; `name` is in lower case. */
  header(name: string): string | undefined
}

export interface EchoUpstream {
  /** Oldest first. */
  readonly receivedRequests: readonly EchoedRequest[]
  /** Sends a last event to all open event streams and ends them. */
  endEvents(): void
  close(): Promise<void>
}

/**
 * Responds with 200 and `{method, target, headers, body}` as JSON. `/status/503` responds with that status; a target
 * with `own-cookie` sets a cookie; a path that ends in `/events` streams an event at once and another at the end.
 */
export async function startEchoUpstream(port: number): Promise<EchoUpstream> {
  const receivedRequests: EchoedRequest[] = []
  const sockets = new Set<Duplex>()
  const streams: ServerResponse[] = []
  const server = createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', chunk => chunks.push(chunk))
    message.on('end', () => {
      const received = echoedRequestOf(message, Buffer.concat(chunks).toString())
      receivedRequests.push(received)
      if (received.target.endsWith('/events')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
        streams.push(response)
        return
      }
      response.statusCode = Number(/^\/status\/(\d{3})/.exec(received.target)?.[1] ?? 200)
      response.setHeader('content-type', 'application/json')
      response.setHeader('x-upstream', 'echo')
      if (received.target.includes('own-cookie')) response.setHeader('set-cookie', 'upstream=1')
      const headers = Object.fromEntries(received.headers.map(([name, value]) => [name.toLowerCase(), value]))
      response.end(
        JSON.stringify({ method: received.method, target: received.target, headers, body: received.body }),
      )
    })
  })
  server.on('upgrade', (message, socket) => {
    receivedRequests.push(echoedRequestOf(message, ''))
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    acceptWebSocket(message, socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    receivedRequests,
    endEvents() {
      for (const stream of streams.splice(0)) stream.end('data: last\n\n')
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function echoedRequestOf(message: IncomingMessage, body: string): EchoedRequest {
  const raw = message.rawHeaders
  const headers = raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] as string] as const] : []))
  return {
    method: message.method ?? '',
    target: message.url ?? '',
    headers,
    body,
    header: name => headers.find(([headerName]) => headerName.toLowerCase() === name)?.[1],
  }
}

/** RFC 6455 §4.2.2. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Echoes text frames of up to 125 bytes, enough to prove that data flows in both directions. */
function acceptWebSocket(message: IncomingMessage, socket: Duplex): void {
  const key = createHash('sha1')
    .update(`${message.headers['sec-websocket-key']}${WEBSOCKET_GUID}`)
    .digest('base64')
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  socket.write(`${[...head, `Sec-WebSocket-Accept: ${key}`].join('\r\n')}\r\n\r\n`)
  socket.on('data', (frame: Buffer) => {
    const opcode = (frame[0] ?? 0) & 0x0f
    if (opcode === 8) return void socket.end(Buffer.from([0x88, 0]))
    if (opcode !== 1) return
    const length = (frame[1] ?? 0) & 0x7f
    const mask = frame.subarray(2, 6)
    const text = frame.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0))
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]))
  })
}
