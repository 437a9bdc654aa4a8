/** A gRPC upstream with one method that returns its message, and a client for it. */
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js'

export interface GrpcUpstream {
  /** Metadata of all calls, oldest first, names in lower case. */
  readonly receivedMetadata: readonly Readonly<Record<string, unknown>>[]
  close(): Promise<void>
}

const ECHO_METHOD = '/credence.test.Echo/Say'
const passThrough = (bytes: Buffer): Buffer => bytes
const ECHO_DEFINITION = {
  path: ECHO_METHOD,
  requestStream: false,
  responseStream: false,
  requestSerialize: passThrough,
  requestDeserialize: passThrough,
  responseSerialize: passThrough,
  responseDeserialize: passThrough,
} as const

export async function startGrpcUpstream(port: number): Promise<GrpcUpstream> {
  const receivedMetadata: Readonly<Record<string, unknown>>[] = []
  const server = new Server()
  server.addService(
    { Say: ECHO_DEFINITION },
    {
      Say(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
        receivedMetadata.push(call.metadata.getMap())
        callback(null, call.request)
      },
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), error =>
      error === null ? resolve() : reject(error),
    )
  })
  return {
    receivedMetadata,
    async close() {
      server.forceShutdown()
    },
  }
}

export interface EchoReply {
  /** gRPC status; 0 is success. */
  readonly code: number
  readonly details: string
  readonly text: string
}

/** Makes one call on a new connection, with a deadline of 10 s. */
export function callGrpcEcho(
  port: number,
  text: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<EchoReply> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const sent = new Metadata()
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value)
  return new Promise<EchoReply>(resolve => {
    const options = { deadline: Date.now() + 10_000 }
    const done = (error: ServiceError | null, response?: Buffer) =>
      resolve({ code: error?.code ?? 0, details: error?.details ?? '', text: response?.toString() ?? '' })
    client.makeUnaryRequest(ECHO_METHOD, passThrough, passThrough, Buffer.from(text), sent, options, done)
  }).finally(() => client.close())
}
