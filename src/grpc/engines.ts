/** Starts a gRPC server on the engine that the configuration names. */
import { startHttp2Server } from './http2.ts'
import type { GrpcServer, GrpcServerDependencies } from './server.ts'

/** Values of `serve.grpc.engine`. */
export type EngineName = 'http2' | 'grpc-js'

/**
 * Resolves when the server listens. Rejects with the system's error, for example EADDRINUSE, or with one that
 * says what occupies the address. Loads grpc-js only where it is named.
 */
export async function startGrpcServer(
  name: EngineName,
  dependencies: GrpcServerDependencies,
): Promise<GrpcServer> {
  if (name === 'http2') return startHttp2Server(dependencies)
  if (dependencies.tls !== undefined)
    throw new Error('the engine grpc-js does not support TLS; use the engine http2')
  const { startGrpcJsServer } = await import('./grpc_js.ts')
  return startGrpcJsServer(dependencies)
}
