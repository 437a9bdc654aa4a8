/**
 * The server's side of one HTTP/2 connection (RFC 9113): reads frames and keeps the streams.
 * Long because each type of frame is one method on the state that all of them share.
 */
import type { Socket } from 'node:net'
import type { Instant } from '../lib/time.ts'
import type { ByteBudget } from './byte_budget.ts'
import { ControlFrameLimit } from './control_frame_limit.ts'
import { FrameReader } from './frame_reader.ts'
import { checkFrame } from './frame_rules.ts'
import {
  ErrorCode,
  Flag,
  FrameType,
  INITIAL_WINDOW_BYTES,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  Setting,
} from './frames.ts'
import { HeaderBlock } from './header_block.ts'
import { HpackDecoder } from './hpack_decoder.ts'
import { encodeSettings, PeerSettings } from './peer_settings.ts'
import { MAX_HEADER_LIST_BYTES, RequestHeaders, RequestTrailers } from './request_headers.ts'
import { ResponseWriter } from './response_writer.ts'
import { ServerStream } from './stream.ts'

/** What a server does with the requests of its connections. It may respond in each of these calls, or later. */
export interface RequestHandler {
  /** A part of the body has arrived, and more follows. */
  onBodyPart(stream: ServerStream): void
  /** The request has arrived whole. */
  onRequest(stream: ServerStream, body: Buffer): void
  /** After what has arrived at once was read: the request's end is still to come. Called once for a stream. */
  onUnfinished(stream: ServerStream): void
}

export interface ConnectionDependencies {
  readonly handler: RequestHandler
  /** Monotonic clock, ms. */
  readonly now: () => Instant
  /** Longest body of a request that the handler wants to see. */
  readonly maxBodyBytes: number
  /** Shared by all connections: what responses hold that wait for a window. */
  readonly blockedBytes: ByteBudget
  /** Called with an error of the handler or of this server. It ends the connection, and no other one. */
  readonly onError: (error: unknown) => void
}

const MAX_CONCURRENT_STREAMS = 1024
/** As many as a peer can have open when it learns of a reset. */
const MAX_RESET_STREAMS = MAX_CONCURRENT_STREAMS
/** What a peer may send on all streams before it waits for us. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024
/** Beyond the longest body: padding, which counts in the window. */
const PADDING_BYTES = 65_536
/** What a frame costs, compared to a RST_STREAM, of which Envoy may send very many. */
const EXPENSIVE_FRAME = 20

/** The payloads of our PINGs: of the keepalive, and of the drain. */
const KEEPALIVE_PING = Buffer.from('keepaliv')
const DRAIN_PING = Buffer.from('draining')
const NO_PAYLOAD = Buffer.alloc(0)

export class Http2Connection {
  readonly socket: Socket
  readonly openedAt: Instant
  readonly #dependencies: ConnectionDependencies
  readonly #reader = new FrameReader()
  readonly #decoder = new HpackDecoder()
  readonly #peer = new PeerSettings()
  readonly #block = new HeaderBlock()
  readonly #streams = new Map<number, ServerStream>()
  readonly #limit: ControlFrameLimit
  readonly #writer: ResponseWriter
  /** Streams that began in the piece that is read now. */
  #begun: ServerStream[] = []
  #pieceArrived: Instant
  #settingsArrived = false
  #settingsAcknowledged = false
  #lastStreamId = 0
  /** Streams that we reset last. The peer may have sent frames on them before it knew. */
  readonly #reset = new Set<number>()
  /** The streams that the peer skipped last, which it may not open any more. */
  #skipped = { from: 0, to: 0 }
  /** The greatest stream that is still served after a GOAWAY. */
  #lastServedId = MAX_STREAM_ID
  #receiveWindow = CONNECTION_WINDOW_BYTES
  #pingUnanswered = false
  #ended = false

  constructor(socket: Socket, dependencies: ConnectionDependencies) {
    this.socket = socket
    this.#dependencies = dependencies
    this.openedAt = dependencies.now()
    this.#pieceArrived = this.openedAt
    this.#limit = new ControlFrameLimit(this.openedAt)
    this.#writer = new ResponseWriter(socket, {
      now: dependencies.now,
      onSent: stream => this.#onSent(stream),
      onReset: stream => this.#onStreamReset(stream),
      onOverflow: () => this.#fail(ErrorCode.enhanceYourCalm),
      blockedBytes: dependencies.blockedBytes,
    })
    socket.on('data', piece => this.#read(piece as Buffer))
    socket.on('drain', () => socket.resume())
    socket.on('close', () => this.#closeStreams())
    // A connection that breaks concerns its own requests only.
    socket.on('error', () => {})
    this.#sendSettings()
  }

  /** Whether the peer has begun to speak HTTP/2. */
  get isEstablished(): boolean {
    return this.#settingsArrived
  }

  /** Sends a PING. Ends the connection where the one before was not answered. */
  ping(): void {
    if (this.#pingUnanswered) this.destroy()
    this.#pingUnanswered = true
    this.#writer.frames.writeFrame(FrameType.ping, 0, 0, KEEPALIVE_PING)
    this.#writer.flush()
  }

  /** Resets streams whose peer has not opened a window for too long. */
  resetStuck(): void {
    this.#writer.resetStuck()
  }

  /**
   * Announces the end. Requests that arrive until the peer knows of it are served still: as RFC 9113, section
   * 6.8, advises, the first GOAWAY names the greatest stream, and the true one follows after a round trip.
   */
  drain(): void {
    // A peer that has not begun to speak has sent no request, and it may be silent for ever.
    if (!this.#settingsArrived) {
      this.#fail(ErrorCode.noError)
      return
    }
    this.#sendGoaway(MAX_STREAM_ID, ErrorCode.noError)
    this.#writer.frames.writeFrame(FrameType.ping, 0, 0, DRAIN_PING)
    this.#writer.flush()
  }

  destroy(): void {
    this.#ended = true
    this.socket.destroy()
  }

  #sendSettings(): void {
    const payload = encodeSettings([
      [Setting.maxConcurrentStreams, MAX_CONCURRENT_STREAMS],
      [Setting.initialWindowSize, this.#streamWindow],
      [Setting.maxHeaderListSize, MAX_HEADER_LIST_BYTES],
    ])
    this.#writer.frames.writeFrame(FrameType.settings, 0, 0, payload)
    const increment = CONNECTION_WINDOW_BYTES - INITIAL_WINDOW_BYTES
    this.#writer.frames.writeNumberFrame(FrameType.windowUpdate, 0, increment)
    this.#writer.flush()
  }

  #sendGoaway(lastStreamId: number, errorCode: number): void {
    const payload = Buffer.allocUnsafe(8)
    payload.writeUInt32BE(lastStreamId, 0)
    payload.writeUInt32BE(errorCode, 4)
    this.#writer.frames.writeFrame(FrameType.goaway, 0, 0, payload)
  }

  #read(piece: Buffer): void {
    if (this.#ended) return
    this.#pieceArrived = this.#dependencies.now()
    this.#limit.refill(this.#pieceArrived)
    this.#writer.corked = true
    try {
      const error = this.#reader.read(piece, this.#onFrame)
      if (error !== ErrorCode.noError) this.#fail(error)
      else if (this.#begun.length > 0) this.#reportUnfinished()
    } catch (error) {
      this.#dependencies.onError(error)
      this.#fail(ErrorCode.internalError)
    }
    this.#writer.corked = false
    this.#writer.flush()
  }

  #reportUnfinished(): void {
    const begun = this.#begun
    this.#begun = []
    for (const stream of begun) if (stream.receiving) this.#dependencies.handler.onUnfinished(stream)
  }

  /** An error of the connection: sends its code to the peer and ends. */
  #fail(errorCode: number): void {
    if (this.#ended) return
    this.#sendGoaway(this.#lastStreamId, errorCode)
    this.#writer.flush()
    this.#closeStreams()
    // Ends after what was written. What the peer still sends is not read.
    this.socket.destroySoon()
  }

  #onSent(stream: ServerStream): void {
    stream.sendClosed = true
    stream.dropBody()
    if (!stream.receiving) this.#remove(stream)
  }

  #onStreamReset(stream: ServerStream): void {
    const [oldest] = this.#reset
    if (this.#reset.size >= MAX_RESET_STREAMS && oldest !== undefined) this.#reset.delete(oldest)
    this.#reset.add(stream.id)
    this.#remove(stream)
  }

  #remove(stream: ServerStream): void {
    if (stream.closed) return
    stream.closed = true
    stream.receiving = false
    stream.sendClosed = true
    stream.dropBody()
    this.#streams.delete(stream.id)
    this.#writer.remove(stream)
    stream.onClose?.()
    this.#endWhenDrained()
  }

  #closeStreams(): void {
    this.#ended = true
    for (const stream of this.#streams.values()) this.#remove(stream)
  }

  #endWhenDrained(): void {
    if (this.#ended || this.#lastServedId === MAX_STREAM_ID || this.#streams.size > 0) return
    this.#ended = true
    this.#writer.flush()
    this.socket.end()
  }

  readonly #onFrame = (
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): number => {
    // A response may have ended the connection.
    if (this.#ended) return ErrorCode.cancel
    // Nothing may stand between the parts of a header block, and SETTINGS comes first.
    if (this.#block.streamId !== 0 && (type !== FrameType.continuation || streamId !== this.#block.streamId))
      return ErrorCode.protocolError
    if (!this.#settingsArrived && (type !== FrameType.settings || (flags & Flag.ack) !== 0))
      return ErrorCode.protocolError
    const error = checkFrame(type, streamId, end - start)
    if (error !== ErrorCode.noError) return error
    switch (type) {
      case FrameType.data:
        return this.#onData(flags, streamId, bytes, start, end)
      case FrameType.headers:
        return this.#onHeaders(flags, streamId, bytes, start, end)
      case FrameType.rstStream:
        return this.#onReset(streamId)
      case FrameType.settings:
        return this.#onSettings(flags, bytes, start, end)
      case FrameType.ping:
        return this.#onPing(flags, bytes, start, end)
      case FrameType.windowUpdate:
        return this.#onWindowUpdate(streamId, bytes.readUInt32BE(start) & MAX_WINDOW_BYTES)
      case FrameType.continuation:
        return this.#onContinuation(flags, bytes, start, end)
      case FrameType.priority:
        return this.#onPriority(streamId, bytes.readUInt32BE(start) & MAX_STREAM_ID)
      case FrameType.pushPromise:
        return ErrorCode.protocolError
      case FrameType.goaway:
        return this.#onGoaway(bytes.readUInt32BE(start + 4))
      default:
        // Types of extensions are ignored.
        return this.#count(EXPENSIVE_FRAME)
    }
  }

  #count(cost: number): number {
    return this.#limit.take(cost) ? ErrorCode.noError : ErrorCode.enhanceYourCalm
  }

  /** Whether no frame has opened this stream. */
  #isIdle(streamId: number): boolean {
    return streamId > this.#lastStreamId || streamId % 2 === 0
  }

  get #streamWindow(): number {
    return this.#dependencies.maxBodyBytes + PADDING_BYTES
  }

  #onData(flags: number, streamId: number, bytes: Buffer, start: number, end: number): number {
    if (this.#isIdle(streamId)) return ErrorCode.protocolError
    const received = end - start
    if (!this.#receive(received)) return ErrorCode.flowControlError
    if ((flags & Flag.padded) !== 0) {
      // The first byte is the length of the padding, which stands at the end.
      const padding = received === 0 ? received : (bytes[start] as number)
      if (padding >= received) return ErrorCode.protocolError
      start++
      end -= padding
    }
    const stream = this.#streams.get(streamId)
    if (stream === undefined || !stream.receiving) return this.#onClosedStream(streamId, stream)
    stream.receivedBytes += received
    if (stream.receivedBytes > this.#streamWindow) stream.reset(ErrorCode.flowControlError)
    else if ((flags & Flag.endStream) !== 0) this.#onEnd(stream, bytes, start, end)
    else if (start === end) return this.#count(EXPENSIVE_FRAME)
    else if (!stream.answered) {
      stream.addBody(bytes, start, end)
      this.#dependencies.handler.onBodyPart(stream)
    }
    return ErrorCode.noError
  }

  /** Counts bytes in the connection's window and opens it again. False where the peer has sent more. */
  #receive(bytes: number): boolean {
    this.#receiveWindow -= bytes
    if (this.#receiveWindow < 0) return false
    if (this.#receiveWindow < CONNECTION_WINDOW_BYTES / 2) {
      const increment = CONNECTION_WINDOW_BYTES - this.#receiveWindow
      this.#writer.frames.writeNumberFrame(FrameType.windowUpdate, 0, increment)
      this.#receiveWindow = CONNECTION_WINDOW_BYTES
    }
    return true
  }

  /** The request is complete. */
  #onEnd(stream: ServerStream, bytes: Buffer, start: number, end: number): void {
    stream.receiving = false
    if (stream.sendClosed) this.#remove(stream)
    if (stream.answered || stream.closed) return
    const body = stream.completeBody(bytes, start, end)
    const { contentLength } = stream.headers
    if (contentLength !== undefined && contentLength !== body.length) stream.reset(ErrorCode.protocolError)
    else this.#dependencies.handler.onRequest(stream, body)
  }

  /** A frame that the peer sent before it knew that the stream is closed, or an error of the peer. */
  #onClosedStream(streamId: number, stream: ServerStream | undefined): number {
    if (stream !== undefined) stream.reset(ErrorCode.streamClosed)
    else if (!this.#reset.has(streamId) && streamId <= this.#lastServedId)
      return streamId >= this.#skipped.from && streamId <= this.#skipped.to
        ? ErrorCode.protocolError
        : ErrorCode.streamClosed
    return this.#count(1)
  }

  #onHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): number {
    if (streamId % 2 === 0) return ErrorCode.protocolError
    const isPadded = (flags & Flag.padded) !== 0
    const hasPriority = (flags & Flag.priority) !== 0
    const from = start + (isPadded ? 1 : 0) + (hasPriority ? 5 : 0)
    if (from > end) return ErrorCode.frameSizeError
    const to = end - (isPadded ? (bytes[start] as number) : 0)
    if (to < from) return ErrorCode.protocolError
    if (hasPriority && (bytes.readUInt32BE(from - 5) & MAX_STREAM_ID) === streamId)
      return ErrorCode.protocolError
    const endStream = (flags & Flag.endStream) !== 0
    if ((flags & Flag.endHeaders) !== 0) return this.#onHeaderBlock(streamId, endStream, bytes, from, to)
    this.#block.begin(streamId, endStream, bytes.subarray(from, to))
    return ErrorCode.noError
  }

  #onContinuation(flags: number, bytes: Buffer, start: number, end: number): number {
    const { streamId, endStream } = this.#block
    if (streamId === 0) return ErrorCode.protocolError
    if (!this.#block.append(bytes.subarray(start, end))) return ErrorCode.enhanceYourCalm
    if ((flags & Flag.endHeaders) === 0) return ErrorCode.noError
    const block = this.#block.take()
    return this.#onHeaderBlock(streamId, endStream, block, 0, block.length)
  }

  #onHeaderBlock(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): number {
    if (streamId <= this.#lastStreamId) return this.#onTrailers(streamId, endStream, bytes, start, end)
    if (streamId > this.#lastStreamId + 2) this.#skipped = { from: this.#lastStreamId + 1, to: streamId - 1 }
    this.#lastStreamId = streamId
    const headers = new RequestHeaders()
    if (!this.#decoder.decode(bytes, start, end, headers)) return ErrorCode.compressionError
    if (streamId > this.#lastServedId) return ErrorCode.noError
    const { initialWindowBytes } = this.#peer
    const stream = new ServerStream(streamId, headers, this.#pieceArrived, initialWindowBytes, this.#writer)
    if (headers.tooLarge) stream.reset(ErrorCode.enhanceYourCalm)
    else if (!headers.isComplete) stream.reset(ErrorCode.protocolError)
    else if (this.#streams.size >= MAX_CONCURRENT_STREAMS) stream.reset(ErrorCode.refusedStream)
    if (stream.closed) return this.#count(EXPENSIVE_FRAME)
    this.#streams.set(streamId, stream)
    if (endStream) this.#onEnd(stream, bytes, end, end)
    else this.#begun.push(stream)
    return ErrorCode.noError
  }

  #onTrailers(streamId: number, endStream: boolean, bytes: Buffer, start: number, end: number): number {
    const trailers = new RequestTrailers()
    if (!this.#decoder.decode(bytes, start, end, trailers)) return ErrorCode.compressionError
    const stream = this.#streams.get(streamId)
    if (stream === undefined || !stream.receiving) return this.#onClosedStream(streamId, stream)
    if (!endStream || trailers.malformed) stream.reset(ErrorCode.protocolError)
    else this.#onEnd(stream, bytes, end, end)
    return ErrorCode.noError
  }

  /** RFC 9113 gives priorities no meaning any more. A stream that depends on itself is still an error. */
  #onPriority(streamId: number, dependency: number): number {
    return dependency === streamId ? ErrorCode.protocolError : this.#count(1)
  }

  #onReset(streamId: number): number {
    if (this.#isIdle(streamId)) return ErrorCode.protocolError
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) this.#remove(stream)
    return this.#count(1)
  }

  #onSettings(flags: number, bytes: Buffer, start: number, end: number): number {
    if ((flags & Flag.ack) !== 0) return this.#onSettingsAck(end - start)
    const before = this.#peer.initialWindowBytes
    const error = this.#peer.apply(bytes, start, end)
    if (error !== ErrorCode.noError) return error
    this.#settingsArrived = true
    this.#writer.frames.writeFrame(FrameType.settings, Flag.ack, 0, NO_PAYLOAD)
    const change = this.#peer.initialWindowBytes - before
    if (change !== 0) {
      for (const stream of this.#streams.values()) {
        stream.sendWindow += change
        if (stream.sendWindow > MAX_WINDOW_BYTES) return ErrorCode.flowControlError
      }
      this.#writer.sendBlocked()
    }
    return this.#count(EXPENSIVE_FRAME + this.#streams.size)
  }

  /** This server sends SETTINGS once, so that there is one acknowledgement. */
  #onSettingsAck(bytes: number): number {
    if (bytes > 0) return ErrorCode.frameSizeError
    if (this.#settingsAcknowledged) return ErrorCode.protocolError
    this.#settingsAcknowledged = true
    return ErrorCode.noError
  }

  #onPing(flags: number, bytes: Buffer, start: number, end: number): number {
    if ((flags & Flag.ack) === 0) {
      this.#writer.frames.writeFrame(FrameType.ping, Flag.ack, 0, bytes, start, end)
      return this.#count(EXPENSIVE_FRAME)
    }
    this.#pingUnanswered = false
    if (DRAIN_PING.equals(bytes.subarray(start, end)) && this.#lastServedId === MAX_STREAM_ID) {
      this.#lastServedId = this.#lastStreamId
      this.#sendGoaway(this.#lastStreamId, ErrorCode.noError)
      this.#endWhenDrained()
    }
    return this.#count(1)
  }

  /** A client that ends without an error still waits for its responses. */
  #onGoaway(errorCode: number): number {
    if (errorCode !== ErrorCode.noError) this.destroy()
    return this.#count(EXPENSIVE_FRAME)
  }

  #onWindowUpdate(streamId: number, increment: number): number {
    if (streamId === 0) {
      if (increment === 0) return ErrorCode.protocolError
      if (!this.#writer.openWindow(increment)) return ErrorCode.flowControlError
      return this.#count(1 + this.#writer.sendBlocked())
    }
    if (this.#isIdle(streamId)) return ErrorCode.protocolError
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return this.#count(1)
    stream.sendWindow += increment
    if (increment === 0) stream.reset(ErrorCode.protocolError)
    else if (stream.sendWindow > MAX_WINDOW_BYTES) stream.reset(ErrorCode.flowControlError)
    else if (stream.unsentBody !== undefined) stream.resume()
    return this.#count(1)
  }
}
