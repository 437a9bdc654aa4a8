/** Measures requests through a real Envoy: what an authorizer adds to Envoy alone, in latency and in CPU time. */
import { freePort } from '../../demo/ports.ts'
import { credenceCase, goNoop, NOOP } from '../cases.ts'
import type { BenchmarkCase } from '../compare.ts'
import { INVALID_COOKIE_PREFIX } from '../fake_kratos.ts'
import { encodeHttp1Request, IDENTITY_ID } from '../rules_and_checks.ts'
import { type RunningServer, startEnvoyServer } from '../servers.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const RULES = 1_000
const REQUESTS_PER_SECOND = 1_000

export const envoy: BenchmarkGroup = {
  description: 'requests through a real Envoy: alone, with no-op authorizers, with Credence on both engines',
  async run(options) {
    const alone: BenchmarkCase = {
      name: 'Envoy alone',
      start: () => startProxy(undefined),
      workload: { messages: [encodeHttp1Request(RULES).toString('base64')], expected: ' 200 OK' },
    }
    const noops = [NOOP, ...goNoop()].map(noop => behindEnvoy(noop, 'x-user-id: guest'))
    const benchmarks = [
      alone,
      ...noops,
      behindEnvoy(credenceCase(RULES), `x-user-id: ${IDENTITY_ID}`),
      behindEnvoy(
        credenceCase(RULES, { name: 'Credence on grpc-js, 1,000 rules', engine: 'grpc-js' }),
        `x-user-id: ${IDENTITY_ID}`,
      ),
    ]
    const baselines = [alone, ...noops]
    console.log('\n64 connections, as many requests as possible:')
    await compare({ benchmarks, baselines, proxy: true }, options)
    console.log(`\n${REQUESTS_PER_SECOND} requests a second:`)
    await compare(
      { benchmarks, baselines, proxy: true, load: { ratePerSecond: REQUESTS_PER_SECOND } },
      options,
    )
  },
}

function behindEnvoy(benchmark: BenchmarkCase, expected: string): BenchmarkCase {
  return {
    name: `Envoy with ${benchmark.name}`,
    start: async kratos => startProxy(await benchmark.start(kratos)),
    workload: { messages: [encodeHttp1Request(RULES).toString('base64')], expected },
    ...(benchmark.denied === undefined
      ? {}
      : {
          denied: {
            message: encodeHttp1Request(RULES, INVALID_COOKIE_PREFIX).toString('base64'),
            expected: ' 401 Unauthorized',
          },
        }),
  }
}

/** Both run on the core of the servers. */
async function startProxy(authorizer: RunningServer | undefined): Promise<RunningServer> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const proxy = await startEnvoyServer(envoyYaml(port, adminPort, authorizer?.address), port, adminPort)
  return {
    ...proxy,
    protocol: 'http1',
    cpuMicros: () => authorizer?.cpuMicros() ?? 0,
    proxyCpuMicros: () => proxy.cpuMicros(),
    memoryMb: () => authorizer?.memoryMb() ?? 0,
    startupMs: authorizer?.startupMs ?? 0,
    async stop() {
      await proxy.stop()
      await authorizer?.stop()
    },
  }
}

/** Envoy answers itself, and returns the header that the authorizer has set, so that no upstream disturbs the figures. */
const envoyYaml = (port: number, adminPort: number, authorizer: string | undefined): string => `
admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${adminPort} } } }
static_resources:
  listeners:
  - name: ingress
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          normalize_path: true
          merge_slashes: true
          http_filters:
${
  authorizer === undefined
    ? ''
    : `          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              status_on_error: { code: 503 }
              grpc_service: { envoy_grpc: { cluster_name: authorizer, authority: credence }, timeout: 5s }
`
}          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - name: app
              domains: ["*"]
              routes:
              - match: { prefix: / }
                direct_response: { status: 200, body: { inline_string: ok } }
                response_headers_to_add:
                - header: { key: x-user-id, value: "%REQ(x-user-id)%" }
${authorizer === undefined ? '' : clusterYaml(authorizer)}`

function clusterYaml(authorizer: string): string {
  const [host, port] = authorizer.split(':')
  return `
  clusters:
  - name: authorizer
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: authorizer
      endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: ${host}, port_value: ${port} } } } } ] } ]
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
`
}
