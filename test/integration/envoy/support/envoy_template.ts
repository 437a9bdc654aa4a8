/** Prepares the repository's Envoy files for tests: ports, three upstreams, an admin port and WebSocket. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../../../demo/kratos.ts'
import { type Ports, replacePorts } from '../../../../demo/ports.ts'

export type EnvoyTemplate = 'minimal' | 'hardened' | 'demo'

export interface UpstreamPorts {
  readonly raw: number
  readonly grpc: number
}

const clusterYaml = (name: string, port: number, http2: boolean): string => `
  - name: ${name}
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: ${name}
      endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } } ] } ]
${
  http2
    ? `    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
`
    : ''
}`

/** Routes a request with `x-upstream: raw` or `grpc` to that upstream. All others go to the echo upstream. */
const routeYaml = (name: string, indent: string): string =>
  `${indent}- match: { prefix: /, headers: [ { name: x-upstream, string_match: { exact: ${name} } } ] }\n` +
  `${indent}  route: { cluster: ${name} }\n`

/** Returns the configuration. What is not listed above stays as users get it. */
export function envoyConfig(template: EnvoyTemplate, ports: Ports, upstreamPorts: UpstreamPorts): string {
  let text = replacePorts(readFileSync(join(projectRoot, 'envoy', `${template}.yaml`), 'utf8'), ports)
  if (!/^admin:/m.test(text)) {
    const admin = `admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${ports.envoyAdmin} } } }\n`
    text = text.replace(/^static_resources:/m, `${admin}\nstatic_resources:`)
  }
  if (!text.includes('upgrade_configs:')) {
    text = text.replace(
      /^( *)merge_slashes: true\n/m,
      '$&$1upgrade_configs: [ { upgrade_type: websocket } ]\n',
    )
  }
  text = text.replace(
    /^( *)routes:\n/m,
    (line, indent: string) => line + routeYaml('raw', indent) + routeYaml('grpc', indent),
  )
  return (
    text.trimEnd() +
    clusterYaml('raw', upstreamPorts.raw, false) +
    clusterYaml('grpc', upstreamPorts.grpc, true)
  )
}

/** Adds a copy of the first listener with another name and port, changed by `edit`. Throws when `edit` changes nothing. */
export function addListener(
  yaml: string,
  {
    name,
    port,
    edit,
  }: { readonly name: string; readonly port: number; readonly edit: (text: string) => string },
): string {
  const [, before, first, after] =
    /^([\s\S]*?\n {2}listeners:\n)( {2}- name: ingress\n[\s\S]*?)(\n {2}clusters:[\s\S]*)$/.exec(yaml) ?? []
  if (first === undefined) throw new Error('the Envoy file has no listener "ingress"')
  const [own = ''] = first.split(/^ {2}- name: (?!ingress$)/m)
  const copy = own
    .replace('- name: ingress', `- name: ${name}`)
    .replace(/port_value: \d+/, `port_value: ${port}`)
  const edited = edit(copy)
  if (edited === copy) throw new Error(`edit changed nothing in listener ${name}`)
  return `${before}${first.trimEnd()}\n${edited.trimEnd()}\n${after}`
}
