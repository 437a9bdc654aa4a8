/** envoy/transport — what a door engine offers: unary calls as bytes. Knows no message and no library. */
import type { Awaitable } from '../access/awaitable.ts'
import type { TlsIdentity } from '../http/tls.ts'
import type { Instant } from '../lib/time.ts'

/** Metadata of a call; names in lower case, the first value counts. */
export interface CallMetadata {
  get(name: string): string | undefined
}

export interface UnaryCall {
  readonly request: Buffer
  readonly metadata: CallMetadata
  /** From `grpc-timeout`; `undefined` when the caller waits for ever. */
  readonly deadline: Instant | undefined
  readonly arrived: Instant
}

/** Never rejects and never throws: a request that was received is answered (J16). */
export type UnaryHandler = (call: UnaryCall) => Awaitable<Buffer>

export interface HealthStatus {
  /** `undefined` for a service that is not known. */
  isServing(service: string): boolean | undefined
  /** Calls back at every change until the returned function is called. */
  watch(changed: () => void): () => void
}

export interface GrpcServerDependencies {
  readonly check: UnaryHandler
  readonly health: HealthStatus
  readonly listen: { readonly host: string; readonly port: number } | { readonly socket: string }
  /** `undefined`: plain HTTP/2, for loopback, sockets and meshes. */
  readonly tls: TlsIdentity | undefined
  /** Hears what goes wrong with the listener once it listens. */
  readonly onError: (error: unknown) => void
  readonly now: () => Instant
  /** Milliseconds since the epoch, in which deadlines are given. */
  readonly wall: () => number
}

export interface GrpcServer {
  /** Address in force: `host:port` or `unix:path`. */
  readonly address: string
  /** Takes nothing new, answers what has arrived, and cuts what is left after `grace` ms. */
  drain(grace: number): Promise<void>
}
