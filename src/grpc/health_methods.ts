/** The methods of `grpc.health.v1.Health` on bytes: `Check` answers once, `Watch` at every change. */
import { type GrpcFailure, GrpcStatus } from './framing.ts'
import { ProtobufError, ProtobufReader } from './protobuf_reader.ts'
import type { HealthStatus } from './server.ts'

/** HealthCheckResponse with its field 1, `status`. */
const SERVING = Uint8Array.of(0x08, 1)
const NOT_SERVING = Uint8Array.of(0x08, 2)
const SERVICE_UNKNOWN = Uint8Array.of(0x08, 3)

/** `Check`: the HealthCheckResponse, or NOT_FOUND for an unknown service. */
export function handleHealthCheck(health: HealthStatus, request: Buffer): Uint8Array | GrpcFailure {
  const service = parseService(request)
  if (typeof service !== 'string') return service
  const serving = health.isServing(service)
  return serving === undefined ? UNKNOWN_SERVICE : responseOf(serving)
}

/**
 * `Watch`: sends the health at once and at every change until the returned function is called. An unknown
 * service is no failure, because health.proto lets it become known later.
 */
export function handleHealthWatch(
  health: HealthStatus,
  request: Buffer,
  send: (response: Uint8Array) => void,
): (() => void) | GrpcFailure {
  const service = parseService(request)
  if (typeof service !== 'string') return service
  const sendCurrent = () => send(responseOf(health.isServing(service)))
  sendCurrent()
  return health.watch(sendCurrent)
}

const UNKNOWN_SERVICE: GrpcFailure = { status: GrpcStatus.notFound, message: 'unknown service' }
const INVALID_REQUEST: GrpcFailure = {
  status: GrpcStatus.invalidArgument,
  message: 'not a HealthCheckRequest',
}

function responseOf(serving: boolean | undefined): Uint8Array {
  if (serving === undefined) return SERVICE_UNKNOWN
  return serving ? SERVING : NOT_SERVING
}

/** HealthCheckRequest: field 1, the name of a service. */
function parseService(request: Buffer): string | GrpcFailure {
  try {
    let service = ''
    const fields = new ProtobufReader(request)
    while (fields.next(request.length))
      if (fields.fieldNumber === 1) service = request.toString('utf8', fields.start, fields.end)
    return service
  } catch (error) {
    if (error instanceof ProtobufError) return INVALID_REQUEST
    throw error
  }
}
