/** Sends requests of HTTP/1.1, one after the other: a client of Envoy. */
import { connect } from 'node:net'
import type { Connection, OnBroken } from './connection.ts'

const END_OF_HEADERS = '\r\n\r\n'

/** A response must have a `content-length`. Its status and headers count as part of the text that is searched. */
export function connectHttp1(host: string, port: number, onBroken: OnBroken): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    let received = ''
    let closed = false
    let current: { readonly expected: string; readonly done: (correct: boolean) => void } | undefined
    const broken = (error: Error) => {
      reject(error)
      if (!closed) onBroken(error)
      closed = true
    }
    socket.setEncoding('latin1')
    socket.on('error', broken)
    socket.on('close', () => broken(new Error(`${host}:${port} closed the connection`)))
    socket.on('data', (chunk: string) => {
      received += chunk
      const headers = received.indexOf(END_OF_HEADERS)
      if (headers < 0) return
      const length = Number(/^content-length: (\d+)\r$/im.exec(received.slice(0, headers + 1))?.[1] ?? 0)
      if (received.length < headers + END_OF_HEADERS.length + length) return
      const [response, call] = [received, current]
      received = ''
      current = undefined
      call?.done(response.includes(call.expected))
    })
    socket.on('connect', () =>
      resolve({
        send(request, expected, done) {
          if (current !== undefined) throw new Error('a connection of HTTP/1.1 carries one request at a time')
          current = { expected: expected.toString('latin1'), done }
          socket.write(request)
        },
        close() {
          closed = true
          socket.destroy()
        },
      }),
    )
  })
}
