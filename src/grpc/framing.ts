/** gRPC over HTTP/2: message frames, statuses and timeouts, as the protocol's specification defines them. */
import { type Millis, millis } from '../lib/time.ts'

/**
 * Longest message. A CheckRequest has up to `with_request_body.max_request_bytes` of body and about 64 KiB of
 * headers.
 */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024

/** Status codes that a server sends by itself, without its handlers. */
export const GrpcStatus = {
  invalidArgument: 3,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const

/** A frame begins with one byte that says whether the message is compressed, and four of its length. */
export const PREFIX_BYTES = 5

/** An uncompressed frame of one message. */
export function encodeFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, PREFIX_BYTES)
  return frame
}

/** A call that ends with an error status instead of a message. */
export interface GrpcFailure {
  readonly status: number
  readonly message: string
}

/**
 * Length of the frame that begins with these bytes, at least `PREFIX_BYTES` of them. The failure where it is
 * too long or compressed, because a few compressed bytes could expand to a message of any length.
 */
export function checkPrefix(start: Buffer): number | GrpcFailure {
  if (start[0] !== 0) return COMPRESSED_MESSAGE
  const length = start.readUInt32BE(1)
  return length > MAX_MESSAGE_BYTES ? MESSAGE_TOO_LARGE : PREFIX_BYTES + length
}

/** The message of a unary call, whose body must be exactly one frame. */
export function decodeFrame(body: Buffer): Buffer | GrpcFailure {
  if (body.length < PREFIX_BYTES) return NOT_ONE_MESSAGE
  const length = checkPrefix(body)
  if (typeof length !== 'number') return length
  return length === body.length ? body.subarray(PREFIX_BYTES) : NOT_ONE_MESSAGE
}

export const NOT_ONE_MESSAGE: GrpcFailure = {
  status: GrpcStatus.internal,
  message: 'a unary call must have exactly one message',
}
const COMPRESSED_MESSAGE: GrpcFailure = {
  status: GrpcStatus.unimplemented,
  message: 'compressed messages are not supported',
}
const MESSAGE_TOO_LARGE: GrpcFailure = {
  status: GrpcStatus.resourceExhausted,
  message: `a message is longer than ${MAX_MESSAGE_BYTES} bytes`,
}

/** Whether the content type is `application/grpc`, with or without a message format or parameters. */
export const isGrpcContentType = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/grpc(?:$|[+;])/.test(contentType)

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000001,
}

/** The time of a `grpc-timeout` header (up to eight digits and a unit); `undefined` for any other text. */
export function parseTimeout(text: string | undefined): Millis | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? []
  return unit === undefined ? undefined : millis(Number(digits) * (MS_PER_UNIT[unit] as number))
}
