/** A server on one of Credence's gRPC engines that returns fixed bytes: the cost of transport without decoding and deciding. */
import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { CHECK_METHOD } from '../src/envoy/check.ts'
import { startGrpcJsServer } from '../src/grpc/grpc_js.ts'
import { startNativeServer } from '../src/grpc/native.ts'
import type { Instant } from '../src/lib/time.ts'

const [port, engine] = process.argv.slice(2)
const proto = new URL('../proto/', import.meta.url).pathname
const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', {
  includeDirs: [proto],
  longs: String,
  defaults: true,
})
const { Check: method } = definitions['envoy.service.auth.v3.Authorization'] as ServiceDefinition
const response = method?.responseSerialize({
  status: { code: 0 },
  okResponse: { headers: [{ header: { key: 'x-user-id', value: 'guest' }, append: { value: false } }] },
}) as Buffer
const start = engine === 'grpc-js' ? startGrpcJsServer : startNativeServer
await start({
  methods: new Map([[CHECK_METHOD, () => response]]),
  health: { isServing: () => true, watch: () => () => {} },
  listen: { host: '127.0.0.1', port: Number(port) },
  tls: undefined,
  onError: () => {},
  now: () => performance.now() as Instant,
  wall: Date.now,
})
