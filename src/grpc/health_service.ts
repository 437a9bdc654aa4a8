/** envoy/health_service — grpc.health.v1 by its bytes: one answer, or one at every change. Knows no engine and not why health changes. */

import { type FrameFault, GrpcStatus } from './framing.ts'
import { WireFault, WireFields } from './protobuf_fields.ts'
import type { Health } from './server.ts'

/** HealthCheckResponse: field 1, a number; SERVING, NOT_SERVING, SERVICE_UNKNOWN. */
const SERVING = Uint8Array.of(0x08, 1)
const NOT_SERVING = Uint8Array.of(0x08, 2)
const SERVICE_UNKNOWN = Uint8Array.of(0x08, 3)

/** To `Check`: a HealthCheckResponse, or why there is none. */
export function answerHealth(health: Health, request: Buffer): Uint8Array | FrameFault {
  const service = serviceOf(request)
  if (typeof service !== 'string') return service
  const serving = health.serving(service)
  return serving === undefined ? UNKNOWN : responseOf(serving)
}

/** To `Watch`: tells at once, and at every change until the returned function is called; an unknown service may become known (health.proto). */
export function watchHealth(
  health: Health,
  request: Buffer,
  tell: (response: Uint8Array) => void,
): (() => void) | FrameFault {
  const service = serviceOf(request)
  if (typeof service !== 'string') return service
  const now = () => tell(responseOf(health.serving(service)))
  now()
  return health.watch(now)
}

const UNKNOWN: FrameFault = { status: GrpcStatus.notFound, message: 'unknown service' }
const NO_REQUEST: FrameFault = { status: GrpcStatus.invalidArgument, message: 'not a HealthCheckRequest' }

function responseOf(serving: boolean | undefined): Uint8Array {
  if (serving === undefined) return SERVICE_UNKNOWN
  return serving ? SERVING : NOT_SERVING
}

/** HealthCheckRequest: field 1, the name of a service; empty for the server as a whole. */
function serviceOf(request: Buffer): string | FrameFault {
  try {
    let service = ''
    const fields = new WireFields(request)
    while (fields.next(request.length))
      if (fields.number === 1) service = request.toString('utf8', fields.start, fields.end)
    return service
  } catch (error) {
    if (error instanceof WireFault) return NO_REQUEST
    throw error
  }
}
