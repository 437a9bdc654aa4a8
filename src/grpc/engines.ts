/** envoy/engines — the door's engines by the name in the configuration. Knows nothing of either but how it starts. */
import { startHttp2Server } from './http2.ts'
import type { GrpcServer, GrpcServerDependencies } from './server.ts'

/** As `serve.grpc.engine` has them. */
export type EngineName = 'http2' | 'grpc-js'

/** Listens; rejects with the system's error, or one that says what is in the way. grpc-js is loaded only where it is asked for. */
export async function startGrpcServer(
  name: EngineName,
  options: GrpcServerDependencies,
): Promise<GrpcServer> {
  if (name === 'http2') return startHttp2Server(options)
  if (options.tls !== undefined) throw new Error('the engine grpc-js speaks no TLS here; http2 does')
  const { startGrpcJsServer: startGrpcJs } = await import('./grpc_js.ts')
  return startGrpcJs(options)
}
