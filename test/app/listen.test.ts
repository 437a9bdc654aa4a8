/** The message when a listener cannot be opened names the reason and the setting to change. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { apiListenerSettings } from '../../src/api/settings.ts'
import { type ListenerDescription, listenOrExplain } from '../../src/app/listen.ts'
import { StartupError } from '../../src/app/startup_error.ts'
import { grpcSettings } from '../../src/grpc/settings.ts'

const ENVOY: ListenerDescription = {
  peer: 'Envoy',
  address: { host: '', port: 9191 },
  portSetting: grpcSettings.port,
  hostSetting: grpcSettings.host,
}
const API: ListenerDescription = {
  peer: 'the api',
  address: { host: 'h', port: 80 },
  portSetting: apiListenerSettings.port,
  hostSetting: apiListenerSettings.host,
}

const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))

for (const [what, listener, listen, message] of [
  [
    'a port in use',
    ENVOY,
    failing('EADDRINUSE'),
    'cannot listen for Envoy on all interfaces:9191: it is in use; stop the other process or choose another one. It is set by serve.grpc.port (--serve-grpc-port, CREDENCE_SERVE_GRPC_PORT).',
  ],
  [
    'an address of another machine',
    API,
    failing('EADDRNOTAVAIL'),
    'cannot listen for the api on h:80: this machine has no such address. It is set by serve.api.host (SERVE_API_HOST).',
  ],
  [
    'a code that grpc-js has in its message only',
    ENVOY,
    () => Promise.reject(new Error('No address added out of total 1 resolved errors: [EADDRINUSE]')),
    'cannot listen for Envoy on all interfaces:9191: it is in use; stop the other process or choose another one. It is set by serve.grpc.port (--serve-grpc-port, CREDENCE_SERVE_GRPC_PORT).',
  ],
  [
    'an unknown error',
    { ...ENVOY, address: { socket: '/run/s' }, portSetting: grpcSettings.socket },
    () => Promise.reject(new Error('no idea\nat all')),
    'cannot listen for Envoy on /run/s: no idea. It is set by serve.grpc.socket (--serve-grpc-socket, CREDENCE_SERVE_GRPC_SOCKET).',
  ],
] as const) {
  test(`${what} is explained`, async () => {
    await assert.rejects(listenOrExplain(listener, listen), (error: unknown) => {
      assert.ok(error instanceof StartupError)
      assert.equal(error.message, message)
      return true
    })
  })
}

test('what listens is returned', async () => {
  assert.equal(await listenOrExplain(ENVOY, async () => 'server'), 'server')
})
