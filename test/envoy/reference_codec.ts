/** The messages of ext_authz by proto-loader: the reference that our codec is tested with. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader'

const proto = join(fileURLToPath(new URL('.', import.meta.url)), '..', '..', 'proto')
const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', {
  includeDirs: [proto],
  keepCase: true,
  longs: String,
  defaults: false,
  enums: Number,
  oneofs: true,
})
const service = definitions['envoy.service.auth.v3.Authorization'] as ServiceDefinition
const check = service.Check as NonNullable<(typeof service)[string]>

export interface HttpFields {
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly scheme?: string
  readonly headers?: Readonly<Record<string, string>>
  /** In place of `headers`, where Envoy sends raw headers. */
  readonly header_map?: readonly (readonly [name: string, value: Uint8Array | string])[]
  readonly body?: string
}

/** A CheckRequest as Envoy encodes it. */
export function encodeRequest(
  http: HttpFields,
  peer: { address?: string; principal?: string; sni?: string } = {},
): Buffer {
  const { header_map: raw, ...rest } = {
    method: 'GET',
    path: '/',
    host: 'app.example.com',
    scheme: 'https',
    ...http,
  }
  return check.requestSerialize({
    attributes: {
      source: {
        address: { socket_address: { address: peer.address ?? '127.0.0.1', port_value: 40_000 } },
        principal: peer.principal ?? '',
      },
      request: {
        time: { seconds: '1', nanos: 2 },
        http: {
          ...rest,
          ...(raw === undefined
            ? {}
            : {
                header_map: {
                  headers: raw.map(([key, value]) => ({ key, raw_value: Buffer.from(value as string) })),
                },
              }),
        },
      },
      tls_session: { sni: peer.sni ?? '' },
    },
  }) as Buffer
}

interface HeaderOption {
  readonly header: { readonly key: string; readonly value?: string }
  readonly append?: { readonly value?: boolean }
  readonly append_action?: number
}
export interface Response {
  readonly status?: { readonly code?: number }
  readonly http_response?: string
  readonly ok_response?: {
    readonly headers?: readonly HeaderOption[]
    readonly headers_to_remove?: readonly string[]
    readonly response_headers_to_add?: readonly HeaderOption[]
  }
  readonly denied_response?: {
    readonly status?: { readonly code?: number }
    readonly headers?: readonly HeaderOption[]
    readonly body?: string
  }
  readonly dynamic_metadata?: {
    readonly fields?: Readonly<Record<string, { readonly string_value?: string }>>
  }
}

export const decodeResponse = (bytes: Buffer): Response => check.responseDeserialize(bytes) as Response
