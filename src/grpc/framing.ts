/** envoy/grpc_protocol — gRPC over HTTP/2 as its specification has it: frames of messages, statuses, timeouts. Knows no service and no socket. */
import { type Millis, millis } from '../lib/time.ts'

/** The statuses an engine gives by itself; what a Check comes to is inside its message. */
export const GrpcStatus = {
  invalidArgument: 3,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const

/** One byte that says whether the message is compressed, four of its length. */
const PREFIX_BYTES = 5

export function encodeFrame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, PREFIX_BYTES)
  return framed
}

export interface GrpcFailure {
  readonly status: number
  readonly message: string
}

/** The message of a unary call, whose body is one frame and nothing else. Compressed ones are not taken (G4). */
export function decodeFrame(body: Buffer): Buffer | GrpcFailure {
  if (body.length < PREFIX_BYTES) return NOT_ONE_MESSAGE
  if (body[0] !== 0) return COMPRESSED_MESSAGE
  return body.readUInt32BE(1) === body.length - PREFIX_BYTES ? body.subarray(PREFIX_BYTES) : NOT_ONE_MESSAGE
}

const NOT_ONE_MESSAGE: GrpcFailure = {
  status: GrpcStatus.internal,
  message: 'a unary call has exactly one message',
}
const COMPRESSED_MESSAGE: GrpcFailure = {
  status: GrpcStatus.unimplemented,
  message: 'compressed messages are not taken',
}

/** `application/grpc`, also with a format or parameters behind it. */
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

/** `grpc-timeout`, up to eight digits and a unit; `undefined` where there is none that can be read. */
export function parseTimeout(text: string | undefined): Millis | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? []
  return unit === undefined ? undefined : millis(Number(digits) * (MS_PER_UNIT[unit] as number))
}
