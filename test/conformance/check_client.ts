/** Sends a Check as Envoy does, and applies the response to the request as Envoy does. */
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js'
import { decodeResponse, encodeRequest, type Response } from '../envoy/reference_codec.ts'
import type { CaseRequest } from './case.ts'

export interface CheckOutcome {
  readonly allow: boolean
  readonly status: number
  /** Allowed: headers that the upstream receives. Denied: headers of the response. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  /** Headers that the response sets on the request. */
  readonly setHeaders: ReadonlyMap<string, string>
  /** Headers that the client sent. */
  readonly sentHeaders: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

const identity = (bytes: Buffer) => bytes
const Client = makeGenericClientConstructor(
  {
    Check: {
      path: '/envoy.service.auth.v3.Authorization/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  },
  'Authorization',
)

export interface CheckClient {
  check(request: CaseRequest): Promise<CheckOutcome>
  close(): void
}

export function openCheckClient(address: string): CheckClient {
  const client = new Client(address, credentials.createInsecure())
  return {
    check: request =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, bytes?: Buffer) =>
          error === null && bytes !== undefined
            ? resolve(applyResponse(decodeResponse(bytes), request))
            : reject(error)
        client.Check?.(encodeCheck(request), { deadline: Date.now() + 20_000 }, done)
      }),
    close: () => client.close(),
  }
}

function encodeCheck({ method, url, headers = [], body, source }: CaseRequest): Buffer {
  const [, scheme = '', host = '', path = ''] = /^([^:]*):\/\/([^/?]*)(.*)$/s.exec(url) ?? []
  const pairs: (readonly [string, string])[] = [
    [':authority', host],
    [':path', path],
    [':method', method],
    [':scheme', scheme],
    ...headers.map(([name, value]) => [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, '')] as const),
  ]
  if (body && !pairs.some(([name]) => name === 'content-length'))
    pairs.push(['content-length', String(Buffer.byteLength(body))])
  const repeated = new Set(pairs.map(([name]) => name)).size !== pairs.length
  const peer = /^(.*):\d+$/.exec(source ?? '127.0.0.1:40000')?.[1]?.replace(/^\[|\]$/g, '') ?? ''
  const form = repeated ? { header_map: pairs } : { headers: Object.fromEntries(pairs) }
  return encodeRequest(
    { method, scheme, host, path, ...(body === undefined ? {} : { body }), ...form },
    { address: peer },
  )
}

/** As Envoy does it: all sets, then all removals. */
function applyResponse(response: Response, request: CaseRequest): CheckOutcome {
  const allow = (response.status?.code ?? 0) === 0
  const sent = new Map<string, string[]>()
  for (const [name, value] of request.headers ?? []) {
    const key = name.toLowerCase()
    sent.set(key, [...(sent.get(key) ?? []), value.trim()])
  }
  if (!allow) {
    const headers = new Map<string, string[]>()
    for (const { header } of response.denied_response?.headers ?? []) {
      headers.set(header.key, [...(headers.get(header.key) ?? []), header.value ?? ''])
    }
    const status = response.denied_response?.status?.code ?? 403
    return {
      allow,
      status,
      headers,
      setHeaders: new Map(),
      sentHeaders: sent,
      body: response.denied_response?.body ?? '',
    }
  }
  const set = new Map<string, string>()
  const headers = new Map<string, readonly string[]>(sent)
  for (const { header } of response.ok_response?.headers ?? []) {
    set.set(header.key, header.value ?? '')
    headers.set(header.key, [header.value ?? ''])
  }
  for (const name of response.ok_response?.headers_to_remove ?? []) {
    headers.delete(name)
    set.delete(name)
  }
  return { allow, status: 200, headers, setHeaders: set, sentHeaders: sent, body: '' }
}
