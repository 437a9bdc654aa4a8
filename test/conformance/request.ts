/** test/conformance/ask — a Check as Envoy would send it, and its answer as the upstream or the client would see it. */
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js'
import { decodeResponse, encodeRequest, type Response } from '../envoy/messages.ts'
import type { AskedRequest } from './case.ts'

export interface Seen {
  readonly allow: boolean
  readonly status: number
  /** Allow: the request's headers as the upstream receives them; deny: the answer's. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  /** What was set on the request. */
  readonly set: ReadonlyMap<string, string>
  /** What the client sent. */
  readonly sent: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

const same = (bytes: Buffer) => bytes
const Client = makeGenericClientConstructor(
  {
    Check: {
      path: '/envoy.service.auth.v3.Authorization/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  'Authorization',
)

export interface Asker {
  ask(request: AskedRequest): Promise<Seen>
  close(): void
}

export function openAsker(address: string): Asker {
  const client = new Client(address, credentials.createInsecure())
  return {
    ask: request =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, bytes?: Buffer) =>
          error === null && bytes !== undefined
            ? resolve(applied(decodeResponse(bytes), request))
            : reject(error)
        client.Check?.(bytesOf(request), { deadline: Date.now() + 20_000 }, done)
      }),
    close: () => client.close(),
  }
}

function bytesOf({ method, url, headers = [], body, source }: AskedRequest): Buffer {
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
function applied(response: Response, request: AskedRequest): Seen {
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
    return { allow, status, headers, set: new Map(), sent, body: response.denied_response?.body ?? '' }
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
  return { allow, status: 200, headers, set, sent, body: '' }
}
