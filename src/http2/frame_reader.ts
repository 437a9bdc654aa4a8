/** Splits what a socket reads into frames (RFC 9113, sections 3.4 and 4.1). */
import { CLIENT_PREFACE, ErrorCode, FRAME_HEADER_BYTES, MAX_FRAME_PAYLOAD_BYTES } from './frames.ts'

/** Called for each frame; its payload is `bytes[start … end)`. Returns the error code that ends the connection. */
export type FrameHandler = (
  type: number,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
) => number

export class FrameReader {
  #prefaceBytes = 0
  /** The beginning of a frame that has not arrived whole. */
  #rest: Buffer | undefined = undefined

  /** Whether the client's preface has arrived. */
  get begun(): boolean {
    return this.#prefaceBytes === CLIENT_PREFACE.length
  }

  /** Reads a piece of the connection. Returns the error code that ends it; frames after the error are not read. */
  read(piece: Buffer, onFrame: FrameHandler): number {
    const bytes = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece])
    let at = this.#readPreface(bytes)
    if (at === INVALID) return ErrorCode.protocolError
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length =
        ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
      if (length > MAX_FRAME_PAYLOAD_BYTES) return ErrorCode.frameSizeError
      const start = at + FRAME_HEADER_BYTES
      const end = start + length
      if (end > bytes.length) break
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff
      const error = onFrame(bytes[at + 3] as number, bytes[at + 4] as number, streamId, bytes, start, end)
      if (error !== ErrorCode.noError) return error
      at = end
    }
    // A copy: the piece itself may be much larger than its rest.
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
    return ErrorCode.noError
  }

  /** Returns where the frames begin. */
  #readPreface(bytes: Buffer): number {
    let at = 0
    for (; this.#prefaceBytes < CLIENT_PREFACE.length && at < bytes.length; at++)
      if (bytes[at] !== CLIENT_PREFACE[this.#prefaceBytes++]) return INVALID
    return at
  }
}

const INVALID = -1
