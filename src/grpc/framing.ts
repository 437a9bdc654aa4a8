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
const PREFIX = 5

export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, PREFIX)
  return framed
}

export interface FrameFault {
  readonly status: number
  readonly message: string
}

/** The message of a unary call, whose body is one frame and nothing else. Compressed ones are not taken (G4). */
export function unframe(body: Buffer): Buffer | FrameFault {
  if (body.length < PREFIX) return NOT_ONE
  if (body[0] !== 0) return COMPRESSED
  return body.readUInt32BE(1) === body.length - PREFIX ? body.subarray(PREFIX) : NOT_ONE
}

const NOT_ONE: FrameFault = {
  status: GrpcStatus.internal,
  message: 'a unary call has exactly one message',
}
const COMPRESSED: FrameFault = {
  status: GrpcStatus.unimplemented,
  message: 'compressed messages are not taken',
}

/** `application/grpc`, also with a format or parameters behind it. */
export const isGrpc = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/grpc(?:$|[+;])/.test(contentType)

const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000001,
}

/** `grpc-timeout`, up to eight digits and a unit; `undefined` where there is none that can be read. */
export function readTimeout(text: string | undefined): Millis | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? []
  return unit === undefined ? undefined : millis(Number(digits) * (UNITS[unit] as number))
}
