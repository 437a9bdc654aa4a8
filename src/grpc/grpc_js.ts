/** The gRPC engine on the library @grpc/grpc-js, which is independent of the engine on node:http2. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  logVerbosity,
  type Metadata,
  type MethodDefinition,
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
import { loadSync } from '@grpc/proto-loader'
import { formatListenAddress } from '../http/listen_address.ts'
import type { Instant } from '../lib/time.ts'
import { MAX_MESSAGE_BYTES } from './framing.ts'
import type {
  CallMetadata,
  GrpcServer,
  GrpcServerDependencies,
  HealthStatus,
  ListenAddress,
  UnaryCall,
  UnaryHandler,
} from './server.ts'
import { allowGroupAccess, removeStaleSocket } from './socket.ts'

const PROTO_FOLDER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'proto')

const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_concurrent_streams': 1024,
  // A peer that stops answering is disconnected after the sum of both.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.default_compression_algorithm': 0,
  // Its counters cost each Check several µs, and Credence has its own metrics.
  'grpc.enable_channelz': 0,
} as const

/**
 * Resolves when the server listens; rejects with the system's error or with one that says what occupies the
 * address.
 */
export async function startGrpcJsServer(dependencies: GrpcServerDependencies): Promise<GrpcServer> {
  // grpc-js logs the errors that it also rejects with. GRPC_VERBOSITY turns that on again.
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE)
  const server = new Server(SERVER_OPTIONS)
  for (const [path, handler] of dependencies.methods) {
    server.addService({ method: rawMethod(path) }, { method: createUnaryMethod(handler, dependencies) })
  }
  const watches = new Set<HealthWatch>()
  server.addService(loadHealthService(), createHealthMethods(dependencies.health, watches))
  const address = await bindServer(server, dependencies.listen)
  return {
    address,
    drain(drainTimeout) {
      // Watchers have the last change by now. Their open streams would keep the server open.
      for (const watch of watches) watch.end()
      return drainServer(server, drainTimeout)
    },
  }
}

/**
 * A unary method whose messages stay bytes. Decoding them with proto-loader costs a third of a Check
 * (docs/performance.md).
 */
function rawMethod(path: string): MethodDefinition<Buffer, Buffer> {
  const passThrough = (bytes: Buffer) => bytes
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: passThrough,
    requestDeserialize: passThrough,
    responseSerialize: passThrough,
    responseDeserialize: passThrough,
  }
}

function loadHealthService(): ServiceDefinition {
  const definitions = loadSync('grpc/health/v1/health.proto', {
    includeDirs: [PROTO_FOLDER],
    longs: String,
    defaults: true,
    enums: String,
  })
  return definitions['grpc.health.v1.Health'] as ServiceDefinition
}

function createUnaryMethod(handler: UnaryHandler, { now, wall }: GrpcServerDependencies) {
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const arrived = now()
    const expiresAt = Number(call.getDeadline())
    const deadline = Number.isFinite(expiresAt) ? ((arrived + expiresAt - wall()) as Instant) : undefined
    const unary: UnaryCall = {
      request: call.request,
      metadata: new GrpcJsMetadata(call.metadata),
      deadline,
      arrived,
    }
    const response = handler(unary)
    if (response instanceof Promise) {
      if (unary.onCancel !== undefined) call.on('cancelled', unary.onCancel)
      void response.then(bytes => callback(null, bytes))
    } else callback(null, response)
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
      const response = statusOf(call.request.service)
      if (response.status === 'SERVICE_UNKNOWN')
        callback({ code: status.NOT_FOUND, details: 'unknown service' })
      else callback(null, response)
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

async function bindServer(server: Server, listen: ListenAddress): Promise<string> {
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
  const port = await bindAddress(formatListenAddress(listen.host, listen.port))
  return formatListenAddress(listen.host, port)
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
