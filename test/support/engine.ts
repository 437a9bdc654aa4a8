/** The gRPC engine of the services that tests start: `CREDENCE_SERVE_GRPC_ENGINE=grpc-js npm test` selects the other one. */
const { CREDENCE_SERVE_GRPC_ENGINE: engine } = process.env

/** To add to the environment of a service that does not inherit that of the tests. */
export const engineEnv: NodeJS.ProcessEnv = engine === undefined ? {} : { CREDENCE_SERVE_GRPC_ENGINE: engine }

/** The reason to skip a test of TLS, or false. */
export const skipWithoutTls: string | false =
  engine === 'grpc-js' && 'the engine grpc-js does not support TLS'
