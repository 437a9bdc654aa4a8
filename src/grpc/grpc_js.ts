/** envoy/grpc_js — the door engine on @grpc/grpc-js: loads proto/, registers, binds. The only importer of @grpc; knows no message but by its bytes. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  logVerbosity,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  setLogVerbosity,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { type ServiceDefinition as LoadedService, loadSync } from '@grpc/proto-loader'
import type { Instant } from '../lib/time.ts'
import type { CallMetadata, GrpcServer, GrpcServerDependencies, HealthStatus } from './server.ts'
import { allowGroupAccess, removeStaleSocket } from './socket.ts'

const PROTO_FOLDER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'proto')

/** Bytes; a CheckRequest carries up to `with_request_body.max_request_bytes` of body, and 64 KiB or so of headers (G4). */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024

const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_concurrent_streams': 1024,
  // A peer that is gone without a word is noticed after this and the timeout.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.default_compression_algorithm': 0,
  // Its counters cost a Check several µs and are read by nobody; ours are in telemetry.
  'grpc.enable_channelz': 0,
} as const

export async function startGrpcJsServer(options: GrpcServerDependencies): Promise<GrpcServer> {
  // It writes to the console what it also rejects with; GRPC_VERBOSITY brings that back.
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE)
  const server = new Server(SERVER_OPTIONS)
  const definitions = loadSync(['envoy/service/auth/v3/external_auth.proto', 'grpc/health/v1/health.proto'], {
    includeDirs: [PROTO_FOLDER],
    longs: String,
    defaults: true,
    enums: String,
  })
  const authorization = definitions['envoy.service.auth.v3.Authorization'] as LoadedService
  const health = definitions['grpc.health.v1.Health'] as LoadedService
  server.addService(withRawMessages(authorization) as ServiceDefinition, {
    Check: createCheckMethod(options),
  })
  const watches = new Set<HealthWatch>()
  server.addService(health as ServiceDefinition, createHealthMethods(options.health, watches))
  const address = await bindServer(server, options.listen)
  return {
    address,
    drain(drainTimeout) {
      // They have been told by now, and would keep the server open.
      for (const watch of watches) watch.end()
      return drainServer(server, drainTimeout)
    },
  }
}

/** proto-loader's service with messages left as bytes: its own path costs a third of a Check (docs/performance.md). */
function withRawMessages(service: LoadedService): LoadedService {
  const passThrough = (bytes: Buffer) => bytes
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      { ...method, requestDeserialize: passThrough, responseSerialize: passThrough },
    ]),
  ) as unknown as LoadedService
}

function createCheckMethod({ check, now, wall }: GrpcServerDependencies) {
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const arrived = now()
    const expiresAt = Number(call.getDeadline())
    const deadline = Number.isFinite(expiresAt) ? ((arrived + expiresAt - wall()) as Instant) : undefined
    const answer = check({
      request: call.request,
      metadata: new GrpcJsMetadata(call.metadata),
      deadline,
      arrived,
    })
    if (answer instanceof Promise) void answer.then(bytes => callback(null, bytes))
    else callback(null, answer)
  }
}

class GrpcJsMetadata implements CallMetadata {
  readonly #metadata: Metadata
  constructor(metadata: Metadata) {
    this.#metadata = metadata
  }
  get(name: string): string | undefined {
    const [value] = this.#metadata.get(name)
    return typeof value === 'string' ? value : undefined
  }
}

interface HealthRequest {
  readonly service: string
}
interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'
}

type HealthWatch = ServerWritableStream<HealthRequest, HealthResponse>

function createHealthMethods(health: HealthStatus, watches: Set<HealthWatch>): UntypedServiceImplementation {
  const statusOf = (service: string): HealthResponse => {
    const serving = health.isServing(service)
    if (serving === undefined) return { status: 'SERVICE_UNKNOWN' }
    return { status: serving ? 'SERVING' : 'NOT_SERVING' }
  }
  return {
    Check(call: ServerUnaryCall<HealthRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>) {
      const answer = statusOf(call.request.service)
      if (answer.status === 'SERVICE_UNKNOWN')
        callback({ code: status.NOT_FOUND, details: 'unknown service' })
      else callback(null, answer)
    },
    Watch(call: HealthWatch) {
      const sendStatus = () => call.write(statusOf(call.request.service))
      const stop = health.watch(sendStatus)
      const removeWatch = () => {
        stop()
        watches.delete(call)
      }
      watches.add(call)
      call.on('finish', removeWatch)
      call.on('cancelled', () => call.end())
      sendStatus()
    },
  }
}

async function bindServer(server: Server, listen: GrpcServerDependencies['listen']): Promise<string> {
  const credentials = ServerCredentials.createInsecure()
  const bindAddress = (target: string) =>
    new Promise<number>((resolve, reject) =>
      server.bindAsync(target, credentials, (error, port) => (error ? reject(error) : resolve(port))),
    )
  if ('socket' in listen) {
    await removeStaleSocket(listen.socket)
    await bindAddress(`unix:${listen.socket}`)
    await allowGroupAccess(listen.socket)
    return `unix:${listen.socket}`
  }
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host || '[::]'
  return `${host}:${await bindAddress(`${host}:${listen.port}`)}`
}

function drainServer(server: Server, drainTimeout: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, drainTimeout)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
