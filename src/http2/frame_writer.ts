/** Collects the frames that one connection sends next, in one buffer. */
import type { Writable } from 'node:stream'
import { FRAME_HEADER_BYTES } from './frames.ts'

const INITIAL_BYTES = 16_384

export class FrameWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  #length = 0

  /** Adds a frame whose payload is `payload[start … end)`. */
  writeFrame(
    type: number,
    flags: number,
    streamId: number,
    payload: Uint8Array,
    start = 0,
    end = payload.length,
  ): void {
    const at = this.#writeHeader(type, flags, streamId, end - start)
    const buffer = this.#buffer
    // For a few bytes a loop is faster than a call of `set` with its new view.
    if (end - start <= 64) for (let i = start; i < end; i++) buffer[at + i - start] = payload[i] as number
    else buffer.set(start === 0 && end === payload.length ? payload : payload.subarray(start, end), at)
  }

  /** Adds a frame whose payload is one number of 32 bits. */
  writeNumberFrame(type: number, streamId: number, value: number): void {
    const at = this.#writeHeader(type, 0, streamId, 4)
    this.#writeUint32(at, value)
  }

  /** Gives what was collected to the socket. */
  flush(socket: Writable): void {
    if (this.#length === 0) return
    socket.write(this.#buffer.subarray(0, this.#length))
    this.#length = 0
    // The socket needs the bytes until the system has taken them, which it nearly always does at once.
    if (socket.writableLength > 0) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  }

  /** Writes the header of a frame and returns where its payload begins. */
  #writeHeader(type: number, flags: number, streamId: number, length: number): number {
    const start = this.#length
    const end = start + FRAME_HEADER_BYTES + length
    if (end > this.#buffer.length) this.#grow(end)
    const buffer = this.#buffer
    buffer[start] = length >>> 16
    buffer[start + 1] = length >>> 8
    buffer[start + 2] = length
    buffer[start + 3] = type
    buffer[start + 4] = flags
    this.#writeUint32(start + 5, streamId)
    this.#length = end
    return start + FRAME_HEADER_BYTES
  }

  #writeUint32(at: number, value: number): void {
    const buffer = this.#buffer
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(bytes, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
