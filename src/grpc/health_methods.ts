/** envoy/health_service — grpc.health.v1 by its bytes: one answer, or one at every change. Knows no engine and not why health changes. */

import { type GrpcFailure, GrpcStatus } from './framing.ts'
import { ProtobufError, ProtobufReader } from './protobuf_reader.ts'
import type { HealthStatus } from './server.ts'

/** HealthCheckResponse: field 1, a number; SERVING, NOT_SERVING, SERVICE_UNKNOWN. */
const SERVING = Uint8Array.of(0x08, 1)
const NOT_SERVING = Uint8Array.of(0x08, 2)
const SERVICE_UNKNOWN = Uint8Array.of(0x08, 3)

/** To `Check`: a HealthCheckResponse, or why there is none. */
export function handleHealthCheck(health: HealthStatus, request: Buffer): Uint8Array | GrpcFailure {
  const service = parseService(request)
  if (typeof service !== 'string') return service
  const serving = health.isServing(service)
  return serving === undefined ? UNKNOWN_SERVICE : responseOf(serving)
}

/** To `Watch`: tells at once, and at every change until the returned function is called; an unknown service may become known (health.proto). */
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

/** HealthCheckRequest: field 1, the name of a service; empty for the server as a whole. */
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
