/** test/e2e/support/raw_request — sends bytes to a port as they are, for requests that no client library would write. */
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Everything that came, as latin1 text. */
  readonly text: string
}

/** `bytes` is latin1; write `connection: close` into it, for the answer ends with the connection. */
export function sendRaw(port: number, bytes: string): Promise<RawAnswer> {
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

/** A GET with that target, however odd, to the raw upstream. */
export const getRaw = (port: number, target: string, lines: readonly string[] = []): Promise<RawAnswer> =>
  sendRaw(
    port,
    `${[`GET ${target} HTTP/1.1`, `host: 127.0.0.1:${port}`, 'x-upstream: raw', ...lines, 'connection: close'].join('\r\n')}\r\n\r\n`,
  )
