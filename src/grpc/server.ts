/** What a gRPC server of unary methods needs and offers, whatever engine runs it. */
import type { Awaitable } from '../access/awaitable.ts'
import type { TlsIdentity } from '../http/tls.ts'
import type { Instant } from '../lib/time.ts'

/** Metadata of a call: names in lower case, the first value of each. */
export interface CallMetadata {
  get(name: string): string | undefined
}

export interface UnaryCall {
  /** The request message in the protobuf wire format. */
  readonly request: Buffer
  readonly metadata: CallMetadata
  /** From `grpc-timeout`; `undefined` where the caller sets no limit. */
  readonly deadline: Instant | undefined
  readonly arrived: Instant
  /** Set by a handler that returns a promise. Called when the caller leaves, and it may be called after the response. */
  onCancel?: (() => void) | undefined
}

/** Returns the response message. Must neither throw nor reject, because the call would stay unanswered. */
export type UnaryHandler = (call: UnaryCall) => Awaitable<Buffer>

/** Where a server listens: a TCP port (`host` empty for all interfaces), or a Unix socket by its path. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly socket: string }

export interface HealthStatus {
  /** `undefined` for a service that the server does not have. */
  isServing(service: string): boolean | undefined
  /** Calls `changed` at every change until the returned function is called. */
  watch(changed: () => void): () => void
}

export interface GrpcServerDependencies {
  /** Handlers by path, `/package.Service/Method`. The server adds `grpc.health.v1.Health` itself. */
  readonly methods: ReadonlyMap<string, UnaryHandler>
  readonly health: HealthStatus
  readonly listen: ListenAddress
  /** `undefined`: plain HTTP/2, for loopback, sockets and meshes. */
  readonly tls: TlsIdentity | undefined
  /** Further connections are closed at once. `undefined`: no limit. grpc-js has none. */
  readonly maxConnections?: number
  /** Called with errors of the listener after it listens. */
  readonly onError: (error: unknown) => void
  /** Monotonic clock, ms. */
  readonly now: () => Instant
  /** Milliseconds since the epoch. grpc-js states deadlines by this clock. */
  readonly wall: () => number
}

export interface GrpcServer {
  /** The address in force: `host:port` or `unix:path`. */
  readonly address: string
  /**
   * Accepts no further calls, answers those that have arrived, and closes the rest after `drainTimeout` ms.
   * Resolves when all connections are closed.
   */
  drain(drainTimeout: number): Promise<void>
}
