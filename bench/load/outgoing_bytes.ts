/** Collects what one turn of the event loop sends, and writes it at once. */
import type { Socket } from 'node:net'

const BUFFER_BYTES = 64 * 1024

/** Buffers are reused when the socket has sent them, so that the garbage collector does not disturb the measurement. */
export class OutgoingBytes {
  readonly #socket: Socket
  readonly #unused: Buffer[] = []
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #length = 0
  #scheduled = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Reserves `bytes` and lets `write` fill them from the given offset. */
  append(bytes: number, write: (buffer: Buffer, offset: number) => void): void {
    if (this.#length + bytes > this.#buffer.length) this.#flush()
    write(this.#buffer, this.#length)
    this.#length += bytes
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#length === 0) return
    const buffer = this.#buffer
    this.#socket.write(buffer.subarray(0, this.#length), () => this.#unused.push(buffer))
    this.#buffer = this.#unused.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    this.#length = 0
  }
}
