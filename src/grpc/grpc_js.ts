/** The gRPC engine on the library @grpc/grpc-js, which is independent of the engine on node:http2. */
import {
  logVerbosity,
  type Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { formatListenAddress } from '../http/listen_address.ts'
import type { Instant } from '../lib/time.ts'
import { MAX_MESSAGE_BYTES } from './framing.ts'
import { handleHealthCheck, handleHealthWatch } from './health_methods.ts'
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
  server.addService(HEALTH_SERVICE, createHealthMethods(dependencies.health, watches))
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

/** A method whose messages stay bytes. Decoding them with proto-loader costs a third of a Check (docs/performance.md). */
function rawMethod(path: string, responseStream = false): MethodDefinition<Buffer, Buffer> {
  const passThrough = (bytes: Buffer) => bytes
  return {
    path,
    requestStream: false,
    responseStream,
    requestSerialize: passThrough,
    requestDeserialize: passThrough,
    responseSerialize: passThrough,
    responseDeserialize: passThrough,
  }
}

const HEALTH_SERVICE = {
  Check: rawMethod('/grpc.health.v1.Health/Check'),
  Watch: rawMethod('/grpc.health.v1.Health/Watch', true),
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

type HealthWatch = ServerWritableStream<Buffer, Buffer>

function createHealthMethods(health: HealthStatus, watches: Set<HealthWatch>): UntypedServiceImplementation {
  return {
    Check(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
      const response = handleHealthCheck(health, call.request)
      if (response instanceof Uint8Array) callback(null, Buffer.from(response))
      else callback({ code: response.status, details: response.message })
    },
    Watch(call: HealthWatch) {
      const stop = handleHealthWatch(health, call.request, response => call.write(Buffer.from(response)))
      if (typeof stop !== 'function') {
        call.emit('error', { code: stop.status, details: stop.message })
        return
      }
      const removeWatch = () => {
        stop()
        watches.delete(call)
      }
      watches.add(call)
      call.on('finish', removeWatch)
      call.on('cancelled', () => call.end())
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
