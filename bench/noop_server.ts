/** An ext_authz server on grpc-js and proto-loader that allows everything: the baseline of the comparisons. */
import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const proto = new URL('../proto/', import.meta.url).pathname
const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', {
  includeDirs: [proto],
  longs: String,
  defaults: true,
})
const response = {
  status: { code: 0 },
  okResponse: { headers: [{ header: { key: 'x-user-id', value: 'guest' }, append: { value: false } }] },
}
const server = new Server()
const check = (_call: unknown, callback: (error: null, value: unknown) => void) => callback(null, response)
server.addService(definitions['envoy.service.auth.v3.Authorization'] as ServiceDefinition, {
  Check: check as UntypedHandleCall,
})
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), error => {
  if (error) throw error
})
