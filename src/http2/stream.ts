/** One request and its response on a connection (RFC 9113, section 5.1). */
import type { Instant } from '../lib/time.ts'
import type { RequestHeaders } from './request_headers.ts'

/** What a stream needs of its connection to send. */
export interface StreamSender {
  /** Sends a block of header fields. */
  sendHeaders(stream: ServerStream, block: Uint8Array, endStream: boolean): void
  /** Sends what the windows allow of the stream's unsent body. Goes on when the peer opens a window. */
  sendBody(stream: ServerStream): void
  /** Sends RST_STREAM and removes the stream. */
  resetStream(stream: ServerStream, errorCode: number): void
}

/** Body bytes that are not complete are copied to a buffer that begins with this size. */
const INITIAL_BODY_BYTES = 4096

export class ServerStream {
  readonly id: number
  readonly headers: RequestHeaders
  readonly arrived: Instant
  /** The peer may still send. */
  receiving = true
  /** The response has begun. */
  answered = false
  /** The response is complete, or its client has left. */
  sendClosed = false
  /** The stream is over for both sides. */
  closed = false
  /** Bytes that the peer allows to send on this stream. */
  sendWindow: number
  /** Bytes of DATA payloads, padding included: what the peer has used of the stream's window. */
  receivedBytes = 0
  /** Called once when the stream is over, however it ends. */
  onClose: (() => void) | undefined = undefined

  /** The part of the response's body that waits for a window. */
  unsentBody: Uint8Array | undefined = undefined
  /** Bytes of `unsentBody` that the connection has counted as waiting. */
  blockedBytes = 0
  /** No part of the response's body follows `unsentBody`. */
  bodyComplete = false
  /** The block that follows the body; `undefined` where the body ends the response. */
  trailers: Uint8Array | undefined = undefined

  #body: Buffer | undefined = undefined
  #bodyBytes = 0
  readonly #sender: StreamSender

  constructor(
    id: number,
    headers: RequestHeaders,
    arrived: Instant,
    sendWindow: number,
    sender: StreamSender,
  ) {
    this.id = id
    this.headers = headers
    this.arrived = arrived
    this.sendWindow = sendWindow
    this.#sender = sender
  }

  /** Bytes of the request's body that have arrived. */
  get bodyBytes(): number {
    return this.#bodyBytes
  }

  /** The request's body as far as it has arrived. Valid until more of it arrives. */
  get body(): Buffer {
    return this.#body === undefined ? EMPTY : this.#body.subarray(0, this.#bodyBytes)
  }

  /** Takes the last part of the body and returns the whole. Copies nothing where there was no part before. */
  completeBody(bytes: Buffer, start: number, end: number): Buffer {
    if (this.#body === undefined) {
      this.#bodyBytes = end - start
      return bytes.subarray(start, end)
    }
    if (end > start) this.addBody(bytes, start, end)
    return this.body
  }

  /**
   * Copies a part of the body. Keeping the part itself would hold the whole piece that the socket has read for
   * a few bytes.
   */
  addBody(bytes: Buffer, start: number, end: number): void {
    const length = this.#bodyBytes + end - start
    if (this.#body === undefined || length > this.#body.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, INITIAL_BODY_BYTES, this.#bodyBytes * 2))
      this.#body?.copy(larger, 0, 0, this.#bodyBytes)
      this.#body = larger
    }
    bytes.copy(this.#body, this.#bodyBytes, start, end)
    this.#bodyBytes = length
  }

  /** Drops the body. What still arrives of it is read and discarded once the response has begun. */
  dropBody(): void {
    this.#body = undefined
    this.#bodyBytes = 0
  }

  /** Responds with header fields alone. Does nothing where the response has begun or its client has left. */
  respondHeaders(block: Uint8Array): void {
    if (this.answered || this.sendClosed) return
    this.answered = true
    this.#sender.sendHeaders(this, block, true)
  }

  /** Responds whole. Does nothing where the response has begun or its client has left. */
  respond(block: Uint8Array, body: Uint8Array, trailers?: Uint8Array): void {
    if (this.answered || this.sendClosed) return
    this.answered = true
    this.#sender.sendHeaders(this, block, false)
    this.#end(body, trailers)
  }

  /** Sends one part of a response of several, and begins the response with `block`. */
  respondPart(block: Uint8Array, part: Uint8Array): void {
    if (this.sendClosed || this.bodyComplete) return
    if (!this.answered) {
      this.answered = true
      this.#sender.sendHeaders(this, block, false)
    }
    this.unsentBody = this.unsentBody === undefined ? part : Buffer.concat([this.unsentBody, part])
    this.#sender.sendBody(this)
  }

  /** Ends a response of several parts. */
  endParts(trailers: Uint8Array): void {
    if (this.answered && !this.sendClosed && !this.bodyComplete) this.#end(this.unsentBody ?? EMPTY, trailers)
  }

  #end(body: Uint8Array, trailers: Uint8Array | undefined): void {
    this.unsentBody = body
    this.bodyComplete = true
    this.trailers = trailers
    this.#sender.sendBody(this)
  }

  /** The peer has opened the stream's window. */
  resume(): void {
    this.#sender.sendBody(this)
  }

  reset(errorCode: number): void {
    if (!this.closed) this.#sender.resetStream(this, errorCode)
  }
}

const EMPTY = Buffer.alloc(0)
