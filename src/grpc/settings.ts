/** Settings of the gRPC listener that Envoy calls. */
import { type SettingValues, setting } from '../config/setting.ts'
import { oneOf, port, text, wholeNumber } from '../config/value_types.ts'
import type { EngineName } from './engines.ts'

export const grpcSettings = {
  host: setting('serve.grpc.host', text(), {
    default: '127.0.0.1',
    description: 'Address of the gRPC listener that Envoy calls. "" listens on all interfaces.',
    credenceOnly: true,
  }),
  port: setting('serve.grpc.port', port(), {
    default: 9191,
    description: 'Port of the gRPC listener. 0 takes a free port.',
    credenceOnly: true,
  }),
  socket: setting('serve.grpc.socket', text(), {
    description: 'Path of a Unix socket to listen on instead of host and port.',
    credenceOnly: true,
  }),
  engine: setting('serve.grpc.engine', oneOf('native', 'grpc-js'), {
    default: 'native',
    description:
      'Implementation of gRPC: Credence’s own, or the library grpc-js, which uses more CPU per Check and also accepts compressed messages. grpc-js limits neither connections nor unfinished messages, so let only Envoy reach its port.',
    credenceOnly: true,
  }),
  maxConnections: setting('serve.grpc.max_connections', wholeNumber(1), {
    default: 1024,
    description:
      'Maximum number of open connections of the gRPC listener; further ones are closed. Envoy opens one for each worker thread. Without an effect on the engine grpc-js.',
    credenceOnly: true,
  }),
}

/** Where the gRPC server listens: the socket if one is set, else host and port. */
export function grpcListenOptions(
  settings: SettingValues,
): { readonly socket: string } | { readonly host: string; readonly port: number } {
  const socket = settings.get(grpcSettings.socket)
  if (socket !== undefined && socket !== '') return { socket }
  return { host: settings.get(grpcSettings.host), port: settings.get(grpcSettings.port) }
}

/** The implementation of gRPC to start. */
export const grpcEngineName = (settings: SettingValues): EngineName => settings.get(grpcSettings.engine)
