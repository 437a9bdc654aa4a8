/** An OTLP receiver that collects spans, over gRPC from Envoy and over HTTP from Credence. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader'
import { waitUntil } from '../../../support/wait_until.ts'

export interface Span {
  readonly service: string
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client' | 'other'
  /** Hexadecimal, as in `traceparent`. */
  readonly traceId: string
  readonly spanId: string
  /** Empty for the first span of a trace. */
  readonly parentId: string
  readonly attributes: Readonly<Record<string, unknown>>
}

export interface OtlpReceiver {
  readonly grpcPort: number
  /** `http://127.0.0.1:PORT/v1/traces`. */
  readonly httpUrl: string
  readonly spans: readonly Span[]
  /** Resolves to the spans of the trace as soon as `isComplete` accepts them, or after 5 s. */
  waitForTrace(traceId: string, isComplete: (spans: readonly Span[]) => boolean): Promise<readonly Span[]>
  close(): Promise<void>
}

interface KeyValue {
  readonly key: string
  readonly value?: Readonly<Record<string, unknown>>
}
interface ExportRequest {
  readonly resource_spans?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] }
    readonly scope_spans?: readonly {
      readonly spans?: readonly {
        readonly trace_id: Buffer
        readonly span_id: Buffer
        readonly parent_span_id?: Buffer
        readonly name: string
        readonly kind?: number
        readonly attributes?: readonly KeyValue[]
      }[]
    }[]
  }[]
}

const KINDS = ['other', 'internal', 'server', 'client'] as const

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: Span[] = []
  const definitions = loadSync(fileURLToPath(new URL('otlp.proto', import.meta.url)), {
    keepCase: true,
    longs: Number,
    oneofs: false,
  })
  const service = definitions['opentelemetry.proto.collector.trace.v1.TraceService'] as ServiceDefinition
  const decode = (bytes: Buffer) => service.Export?.requestDeserialize(bytes) as ExportRequest

  const server = new Server()
  server.addService(service, {
    Export(call: ServerUnaryCall<ExportRequest, object>, callback: sendUnaryData<object>) {
      spans.push(...spansOf(call.request))
      callback(null, {})
    },
  })
  const grpcPort = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
  const http = createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', chunk => chunks.push(chunk))
    message.on('end', () => {
      spans.push(...spansOf(decode(Buffer.concat(chunks))))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => http.once('listening', resolve))

  return {
    grpcPort,
    httpUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1/traces`,
    spans,
    async waitForTrace(traceId, isComplete) {
      const found = () => spans.filter(span => span.traceId === traceId)
      await waitUntil('all spans', () => isComplete(found()), { timeoutMs: 5_000 }).catch(() => {})
      return found()
    },
    async close() {
      server.forceShutdown()
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
    },
  }
}

const attributesOf = (pairs: readonly KeyValue[] = []): Record<string, unknown> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value ?? {})[0]]))

function spansOf({ resource_spans: groups = [] }: ExportRequest): Span[] {
  return groups.flatMap(({ resource, scope_spans: scopes = [] }) => {
    const owner = String(attributesOf(resource?.attributes)['service.name'] ?? '')
    return scopes.flatMap(({ spans = [] }) =>
      spans.map(span => ({
        service: owner,
        name: span.name,
        kind: KINDS[span.kind ?? 0] ?? 'other',
        traceId: span.trace_id.toString('hex'),
        spanId: span.span_id.toString('hex'),
        parentId: span.parent_span_id?.toString('hex') ?? '',
        attributes: attributesOf(span.attributes),
      })),
    )
  })
}
