/**
 * Calls Check over HTTP/2 with frames that are encoded in advance. A gRPC library would need more CPU time than the
 * measured server.
 */
import { connect, type Socket } from 'node:net'
import {
  CLIENT_PREFACE,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  INITIAL_WINDOW_BYTES,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_WINDOW_BYTES,
  Setting,
} from '../../src/http2/frames.ts'
import type { Connection, OnBroken } from './connection.ts'
import { OutgoingBytes } from './outgoing_bytes.ts'

const GRPC_PREFIX_BYTES = 5
const READ_BUFFER_BYTES = 256 * 1024
/** Received bytes after which the window of the connection is opened again. */
const WINDOW_UPDATE_BYTES = 1024 * 1024

/** Like Envoy and grpc-go: the first header block fills the dynamic table, the following ones refer to it. */
const NEW_FIELDS: readonly (readonly [staticNameIndex: number, name: string, value: string])[] = [
  [4, '', '/envoy.service.auth.v3.Authorization/Check'],
  [1, '', 'credence'],
  [31, '', 'application/grpc'],
  [0, 'te', 'trailers'],
  [0, 'grpc-timeout', '5S'],
]
const POST_AND_HTTP = [0x83, 0x86]
const text = (value: string) => [value.length, ...Buffer.from(value)]
const FIRST_BLOCK = Buffer.from([
  ...POST_AND_HTTP,
  ...NEW_FIELDS.flatMap(([index, name, value]) => [
    0x40 | index,
    ...(index === 0 ? text(name) : []),
    ...text(value),
  ]),
])
const NEXT_BLOCK = Buffer.from([
  ...POST_AND_HTTP,
  ...NEW_FIELDS.map((_field, i) => 0x80 | (61 + NEW_FIELDS.length - i)),
])

interface Call {
  readonly message: Buffer
  readonly expected: Buffer
  readonly done: (correct: boolean) => void
  correct: boolean
}

/** Resolves when the server's SETTINGS have arrived, because they limit the number of streams. */
export function connectHttp2(host: string, port: number, onBroken: OnBroken): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const connection = new Http2Connection(
      host,
      port,
      () => resolve(connection),
      error => {
        reject(error)
        onBroken(error)
      },
    )
  })
}

class Http2Connection implements Connection {
  readonly #socket: Socket
  readonly #outgoing: OutgoingBytes
  readonly #open = new Map<number, Call>()
  /** Calls that the limit of streams or the window holds back. */
  readonly #waiting: Call[] = []
  readonly #onReady: () => void
  #nextStreamId = 1
  #maxStreams = Number.POSITIVE_INFINITY
  #windowBytes = INITIAL_WINDOW_BYTES
  #receivedBytes = 0
  #rest: Buffer = Buffer.alloc(0)
  #closed = false

  constructor(host: string, port: number, onReady: () => void, onBroken: OnBroken) {
    this.#onReady = onReady
    const broken = (error: Error) => {
      if (!this.#closed) onBroken(error)
      this.#closed = true
    }
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
        callback: (length, buffer) => {
          this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length))
          return true
        },
      },
    })
    this.#socket.on('error', broken)
    this.#socket.on('close', () => broken(new Error(`${host}:${port} closed the connection`)))
    this.#outgoing = new OutgoingBytes(this.#socket)
    this.#outgoing.append(CLIENT_PREFACE.length, (buffer, at) => CLIENT_PREFACE.copy(buffer, at))
    const settings = Buffer.alloc(6)
    settings.writeUInt16BE(Setting.initialWindowSize, 0)
    settings.writeUInt32BE(MAX_WINDOW_BYTES, 2)
    this.#sendFrame(FrameType.settings, 0, 0, settings)
    this.#updateWindow(MAX_WINDOW_BYTES - INITIAL_WINDOW_BYTES)
  }

  send(message: Buffer, expected: Buffer, done: (correct: boolean) => void): void {
    const bytes = GRPC_PREFIX_BYTES + message.length
    if (bytes > MAX_FRAME_PAYLOAD_BYTES) throw new Error(`a message of ${message.length} bytes is too long`)
    const call = { message, expected, done, correct: false }
    if (this.#waiting.length === 0 && this.#open.size < this.#maxStreams && this.#windowBytes >= bytes)
      this.#start(call, bytes)
    // The caller may reuse the message.
    else this.#waiting.push({ ...call, message: Buffer.from(message) })
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  #start(call: Call, bytes: number): void {
    const id = this.#nextStreamId
    this.#nextStreamId += 2
    this.#windowBytes -= bytes
    this.#open.set(id, call)
    const block = id === 1 ? FIRST_BLOCK : NEXT_BLOCK
    this.#outgoing.append(2 * FRAME_HEADER_BYTES + block.length + bytes, (buffer, at) => {
      writeFrameHeader(buffer, at, block.length, FrameType.headers, Flag.endHeaders, id)
      const data = at + FRAME_HEADER_BYTES + block.copy(buffer, at + FRAME_HEADER_BYTES)
      writeFrameHeader(buffer, data, bytes, FrameType.data, Flag.endStream, id)
      buffer[data + FRAME_HEADER_BYTES] = 0
      buffer.writeUInt32BE(call.message.length, data + FRAME_HEADER_BYTES + 1)
      call.message.copy(buffer, data + FRAME_HEADER_BYTES + GRPC_PREFIX_BYTES)
    })
  }

  #startWaiting(): void {
    for (;;) {
      const [next] = this.#waiting
      const bytes = GRPC_PREFIX_BYTES + (next?.message.length ?? 0)
      if (next === undefined || this.#open.size >= this.#maxStreams || this.#windowBytes < bytes) return
      this.#waiting.shift()
      this.#start(next, bytes)
    }
  }

  #sendFrame(type: number, flags: number, id: number, payload: Buffer): void {
    this.#outgoing.append(FRAME_HEADER_BYTES + payload.length, (buffer, at) => {
      writeFrameHeader(buffer, at, payload.length, type, flags, id)
      payload.copy(buffer, at + FRAME_HEADER_BYTES)
    })
  }

  #updateWindow(bytes: number): void {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(bytes, 0)
    this.#sendFrame(FrameType.windowUpdate, 0, 0, payload)
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3)
      if (end > bytes.length) break
      const flags = bytes[at + 4] as number
      this.#receive(
        bytes[at + 3] as number,
        flags,
        bytes.readUInt32BE(at + 5),
        bytes,
        at + FRAME_HEADER_BYTES,
        end,
      )
      at = end
    }
    // The chunk is overwritten by the next read.
    this.#rest = Buffer.from(bytes.subarray(at))
  }

  #receive(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (type === FrameType.data) {
      const call = this.#open.get(id)
      if (call !== undefined && !call.correct) {
        const found = bytes.indexOf(call.expected, from)
        call.correct = found >= 0 && found + call.expected.length <= to
      }
      this.#receivedBytes += to - from
      if (this.#receivedBytes >= WINDOW_UPDATE_BYTES) {
        this.#updateWindow(this.#receivedBytes)
        this.#receivedBytes = 0
      }
      if ((flags & Flag.endStream) !== 0) this.#finish(id, true)
    } else if (type === FrameType.headers) {
      if ((flags & Flag.endStream) !== 0) this.#finish(id, true)
    } else if (type === FrameType.rstStream) this.#finish(id, false)
    else if (type === FrameType.settings && (flags & Flag.ack) === 0) this.#applySettings(bytes, from, to)
    else if (type === FrameType.ping && (flags & Flag.ack) === 0)
      this.#sendFrame(FrameType.ping, Flag.ack, 0, Buffer.from(bytes.subarray(from, to)))
    else if (type === FrameType.windowUpdate && id === 0) {
      this.#windowBytes += bytes.readUInt32BE(from)
      this.#startWaiting()
    } else if (type === FrameType.goaway) this.#socket.destroy(new Error('the server sent GOAWAY'))
  }

  #applySettings(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at += 6)
      if (bytes.readUInt16BE(at) === Setting.maxConcurrentStreams)
        this.#maxStreams = bytes.readUInt32BE(at + 2)
    this.#sendFrame(FrameType.settings, Flag.ack, 0, Buffer.alloc(0))
    this.#onReady()
  }

  #finish(id: number, whole: boolean): void {
    const call = this.#open.get(id)
    if (call === undefined) return
    this.#open.delete(id)
    call.done(whole && call.correct)
    if (this.#waiting.length > 0) this.#startWaiting()
  }
}

function writeFrameHeader(
  buffer: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  id: number,
) {
  buffer.writeUIntBE(length, at, 3)
  buffer[at + 3] = type
  buffer[at + 4] = flags
  buffer.writeUInt32BE(id, at + 5)
}
