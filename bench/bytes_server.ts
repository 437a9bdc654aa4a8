/** bench/bytes_server — as noop_server, but messages stay bytes and the engine's own counters are off: what is left of a Check when nobody looks at it. */
import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const proto = new URL('../proto/', import.meta.url).pathname
const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', {
  includeDirs: [proto],
  longs: String,
  defaults: true,
})
const { Check: method } = definitions['envoy.service.auth.v3.Authorization'] as ServiceDefinition
const answer = method?.responseSerialize({
  status: { code: 0 },
  okResponse: { headers: [{ header: { key: 'x-user-id', value: 'nobody' }, append: { value: false } }] },
})
const same = (bytes: Buffer) => bytes
const server = new Server({ 'grpc.enable_channelz': 0 })
const check = (_call: unknown, callback: (error: null, value: unknown) => void) => callback(null, answer)
server.addService(
  { Check: { ...method, requestDeserialize: same, responseSerialize: same } } as ServiceDefinition,
  { Check: check as UntypedHandleCall },
)
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), error => {
  if (error) throw error
})
