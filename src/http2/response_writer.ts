/** Sends the responses of one connection, within the windows that the peer opens (RFC 9113, section 5.2). */
import type { Socket } from 'node:net'
import { type Instant, type Millis, millis, millisBetween } from '../lib/time.ts'
import type { ByteBudget } from './byte_budget.ts'
import { FrameWriter } from './frame_writer.ts'
import {
  ErrorCode,
  Flag,
  FrameType,
  INITIAL_WINDOW_BYTES,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_WINDOW_BYTES,
} from './frames.ts'
import { EMPTY_TABLE } from './hpack_encoder.ts'
import type { ServerStream, StreamSender } from './stream.ts'

/** Of all responses that wait for a window of the peer. Beyond, the connection ends. */
const MAX_BLOCKED_BYTES = 8 * 1024 * 1024
/** Longest time that a response waits for a window. */
const MAX_BLOCKED_MS: Millis = millis(30_000)
/** While the peer does not read so many bytes, no request of it is read. */
const MAX_UNREAD_BYTES = 256 * 1024

export interface ResponseWriterDependencies {
  readonly now: () => Instant
  /** Called when the response of a stream is complete. */
  readonly onSent: (stream: ServerStream) => void
  /** Called when a stream was reset. */
  readonly onReset: (stream: ServerStream) => void
  /** Called when the peer lets too many bytes wait. */
  readonly onOverflow: () => void
  /** What the responses of all connections hold that wait for a window. */
  readonly blockedBytes: ByteBudget
}

export class ResponseWriter implements StreamSender {
  readonly frames = new FrameWriter()
  /** While true, what is written waits for `flush`. */
  corked = false
  readonly #socket: Socket
  readonly #dependencies: ResponseWriterDependencies
  readonly #blocked = new Map<ServerStream, Instant>()
  #blockedBytes = 0
  #window = INITIAL_WINDOW_BYTES
  #tableStated = false
  #flushScheduled = false

  constructor(socket: Socket, dependencies: ResponseWriterDependencies) {
    this.#socket = socket
    this.#dependencies = dependencies
  }

  sendHeaders(stream: ServerStream, block: Uint8Array, endStream: boolean): void {
    const flags = Flag.endHeaders | (endStream ? Flag.endStream : 0)
    this.frames.writeFrame(
      FrameType.headers,
      flags,
      stream.id,
      this.#tableStated ? block : this.#stateTable(block),
    )
    if (endStream) this.#dependencies.onSent(stream)
    this.#scheduleFlush()
  }

  sendBody(stream: ServerStream): void {
    if (stream.unsentBody !== undefined) this.#sendData(stream, stream.unsentBody)
    if (stream.unsentBody === undefined && stream.trailers !== undefined)
      this.sendHeaders(stream, stream.trailers, true)
    else this.#scheduleFlush()
  }

  resetStream(stream: ServerStream, errorCode: number): void {
    this.frames.writeNumberFrame(FrameType.rstStream, stream.id, errorCode)
    this.#dependencies.onReset(stream)
    this.#scheduleFlush()
  }

  /** The stream is over; what it had to send is dropped. */
  remove(stream: ServerStream): void {
    this.#setUnsent(stream, undefined)
  }

  /** The peer opens the connection's window. False where it becomes larger than RFC 9113 allows. */
  openWindow(bytes: number): boolean {
    this.#window += bytes
    return this.#window <= MAX_WINDOW_BYTES
  }

  /** Goes on with responses that waited for a window. Returns how many were tried in vain: theirs is still closed. */
  sendBlocked(): number {
    let closed = 0
    for (const stream of this.#blocked.keys()) {
      if (this.#window <= 0) break
      if (stream.sendWindow <= 0) closed++
      else this.sendBody(stream)
    }
    return closed
  }

  /** Resets streams whose response has waited too long for a window. */
  resetStuck(): void {
    const now = this.#dependencies.now()
    for (const [stream, since] of this.#blocked)
      if (millisBetween(since, now) > MAX_BLOCKED_MS) stream.reset(ErrorCode.cancel)
  }

  /** Gives all that was written to the socket. */
  readonly flush = (): void => {
    this.#flushScheduled = false
    if (this.#socket.destroyed) return
    this.frames.flush(this.#socket)
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.pause()
  }

  #sendData(stream: ServerStream, body: Uint8Array): void {
    const bodyEndsStream = stream.bodyComplete && stream.trailers === undefined
    let sent = 0
    while (sent < body.length) {
      const bytes = Math.min(body.length - sent, this.#window, stream.sendWindow, MAX_FRAME_PAYLOAD_BYTES)
      if (bytes <= 0) break
      const flags = bodyEndsStream && sent + bytes === body.length ? Flag.endStream : 0
      this.frames.writeFrame(FrameType.data, flags, stream.id, body, sent, sent + bytes)
      this.#window -= bytes
      stream.sendWindow -= bytes
      sent += bytes
    }
    this.#setUnsent(stream, sent === body.length ? undefined : body.subarray(sent))
    if (bodyEndsStream && sent === body.length) this.#dependencies.onSent(stream)
  }

  #setUnsent(stream: ServerStream, rest: Uint8Array | undefined): void {
    const bytes = rest?.length ?? 0
    const change = bytes - stream.blockedBytes
    stream.unsentBody = rest
    stream.blockedBytes = bytes
    if (rest === undefined) this.#blocked.delete(stream)
    else if (!this.#blocked.has(stream)) this.#blocked.set(stream, this.#dependencies.now())
    if (change === 0) return
    this.#blockedBytes += change
    const fits = this.#dependencies.blockedBytes.add(change)
    if (change > 0 && !(fits && this.#blockedBytes <= MAX_BLOCKED_BYTES)) this.#dependencies.onOverflow()
  }

  /** The first block of a connection says that our encoder uses no dynamic table. */
  #stateTable(block: Uint8Array): Uint8Array {
    this.#tableStated = true
    return Buffer.concat([EMPTY_TABLE, block])
  }

  /** What is written outside of a piece that is read shares one write at the end of the event loop's turn. */
  #scheduleFlush(): void {
    if (this.corked || this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(this.flush)
  }
}
