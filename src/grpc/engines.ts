/** Starts a gRPC server on the engine that the configuration names. */
import { startNativeServer } from './native.ts'
import type { GrpcServer, GrpcServerDependencies } from './server.ts'

/** Values of `serve.grpc.engine`. */
export type EngineName = 'native' | 'grpc-js'

/**
 * Resolves when the server listens. Rejects with the system's error, for example EADDRINUSE, or with one that
 * says what occupies the address. Loads grpc-js only where it is named.
 */
export async function startGrpcServer(
  name: EngineName,
  dependencies: GrpcServerDependencies,
): Promise<GrpcServer> {
  if (name === 'native') return startNativeServer(dependencies)
  if (dependencies.tls !== undefined)
    throw new Error('the engine grpc-js does not support TLS; use the engine native')
  const { startGrpcJsServer } = await import('./grpc_js.ts')
  return startGrpcJsServer(dependencies)
}
