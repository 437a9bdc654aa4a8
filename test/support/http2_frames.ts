/** HTTP/2 frames on a raw socket, for tests that send what no client library sends. */
import type { Socket } from 'node:net'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export function encodeHttp2Frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

/** Splits what a socket receives into frames. Header blocks are joined from HEADERS and CONTINUATION. */
export class HttpFrames {
  readonly received: Frame[] = []
  onFrame: (frame: Frame) => void = () => {}
  onBlock: (block: Buffer) => void = () => {}
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #skip = 0
  #fragments: Buffer[] = []

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => this.#read(chunk as Buffer))
  }

  /** The peer is a client, whose preface comes first. */
  expectPreface(): void {
    this.#skip = PREFACE.length
  }

  send(type: number, flags: number, streamId: number, payload?: Uint8Array): void {
    this.#socket.write(encodeHttp2Frame(type, flags, streamId, payload))
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (this.#bytes.length < this.#skip) return
    this.#bytes = this.#bytes.subarray(this.#skip)
    this.#skip = 0
    while (this.#bytes.length >= 9) {
      const end = 9 + this.#bytes.readUIntBE(0, 3)
      if (this.#bytes.length < end) return
      const frame = {
        type: this.#bytes[3] as number,
        flags: this.#bytes[4] as number,
        streamId: this.#bytes.readUInt32BE(5),
        payload: this.#bytes.subarray(9, end),
      }
      this.#bytes = this.#bytes.subarray(end)
      this.received.push(frame)
      this.#join(frame)
      this.onFrame(frame)
    }
  }

  #join({ type, flags, payload }: Frame): void {
    if (type !== 1 && type !== 9) return
    const from = type === 1 && (flags & 0x20) !== 0 ? 5 : 0
    this.#fragments.push(payload.subarray(from))
    if ((flags & 4) === 0) return
    this.onBlock(Buffer.concat(this.#fragments))
    this.#fragments = []
  }
}
