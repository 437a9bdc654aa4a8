/** Sends raw bytes and raw HTTP/2 headers, for requests that no client library would send. */
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'

export interface RawResponse {
  readonly status: number
  /** The whole response as latin1 text. */
  readonly text: string
}

/** `bytes` is latin1 and must contain `connection: close`, because the response ends with the connection. */
export function sendRaw(port: number, bytes: string): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')))
    socket.setTimeout(10_000, () => socket.destroy(new Error('no response within 10 s')))
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString('latin1')
      resolve({ status: Number(/^HTTP\/1\.\d (\d{3})/.exec(text)?.[1] ?? 0), text })
    })
  })
}

/** Sends a request with exactly that target to the raw upstream. */
export const sendRawRequest = (
  port: number,
  target: string,
  lines: readonly string[] = [],
  method = 'GET',
): Promise<RawResponse> =>
  sendRaw(
    port,
    `${[`${method} ${target} HTTP/1.1`, `host: 127.0.0.1:${port}`, 'x-upstream: raw', ...lines, 'connection: close'].join('\r\n')}\r\n\r\n`,
  )

/** Sends a request over HTTP/2 without TLS. Header values are latin1; pseudo headers are sent as given. */
export function sendHttp2(
  port: number,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
    session.on('error', reject)
    const stream = session.request({ ':authority': `127.0.0.1:${port}`, ...headers })
    let responseHeaders: IncomingHttpHeaders = {}
    let body = ''
    stream.setTimeout(10_000, () => reject(new Error('no response within 10 s')))
    stream.on('response', received => {
      responseHeaders = received
    })
    stream.on('data', chunk => {
      body += chunk
    })
    stream.on('error', reject)
    stream.on('close', () =>
      resolve({ status: Number(responseHeaders[':status'] ?? 0), headers: responseHeaders, body }),
    )
    stream.end()
  }).finally(() => session.destroy())
}
