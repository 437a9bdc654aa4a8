/** test/e2e/support/raw_request — sends bytes to a port as they are, for requests that no client library would write. */
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'

export interface RawResponse {
  readonly status: number
  /** Everything that came, as latin1 text. */
  readonly text: string
}

/** `bytes` is latin1; write `connection: close` into it, for the answer ends with the connection. */
export function sendRaw(port: number, bytes: string): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')))
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in 10 s')))
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString('latin1')
      resolve({ status: Number(/^HTTP\/1\.\d (\d{3})/.exec(text)?.[1] ?? 0), text })
    })
  })
}

/** A GET (or another method) with that target, however odd, to the raw upstream. */
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

/** One request over HTTP/2 in clear text; header values are latin1, pseudo headers are written as they are. */
export function sendHttp2(
  port: number,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
    session.on('error', reject)
    const stream = session.request({ ':authority': `127.0.0.1:${port}`, ...headers })
    let answered: IncomingHttpHeaders = {}
    let body = ''
    stream.setTimeout(10_000, () => reject(new Error('no answer in 10 s')))
    stream.on('response', given => {
      answered = given
    })
    stream.on('data', chunk => {
      body += chunk
    })
    stream.on('error', reject)
    stream.on('close', () => resolve({ status: Number(answered[':status'] ?? 0), headers: answered, body }))
    stream.end()
  }).finally(() => session.destroy())
}
