/** A service on loopback that sends the responses of a case and records the calls. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { StubSpec } from './case.ts'

export interface RecordedCall {
  readonly stub: string
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: string
}

export interface Stub {
  readonly name: string
  readonly url: string
  /** Calls since the last `clearCalls`. */
  readonly calls: readonly RecordedCall[]
  clearCalls(): void
  stop(): void
}

/** Starts a stub. `resolvePlaceholders` inserts addresses and folders of this run into its responses. */
export async function startStub(
  spec: StubSpec,
  resolvePlaceholders: (text: string) => string,
): Promise<Stub> {
  let calls: RecordedCall[] = []
  const responseCounts = new Map<string, number>()

  function answer(message: IncomingMessage, body: string, response: ServerResponse): void {
    const [path = '', query = ''] = (message.url ?? '').split(/\?(.*)/s)
    calls.push({
      stub: spec.name,
      method: message.method ?? '',
      path,
      query,
      headers: headersOf(message),
      body,
    })
    const pathResponses = spec.responses.filter(one => one.path === path)
    const responses =
      pathResponses.length > 0 ? pathResponses : spec.responses.filter(one => one.path === undefined)
    const key = pathResponses.length > 0 ? path : '*'
    const responseCount = responseCounts.get(key) ?? 0
    responseCounts.set(key, responseCount + 1)
    const chosen = responses[Math.min(responseCount, responses.length - 1)]
    if (chosen === undefined) {
      response.writeHead(404).end()
      return
    }
    const text =
      chosen.json !== undefined
        ? resolvePlaceholders(JSON.stringify(chosen.json))
        : resolvePlaceholders(chosen.body ?? '')
    const headers = Object.entries(chosen.headers ?? {}).flatMap(([name, value]) =>
      [value].flat().map(one => [name, resolvePlaceholders(String(one))]),
    )
    if (chosen.json !== undefined && !headers.some(([name]) => name?.toLowerCase() === 'content-type')) {
      headers.push(['content-type', 'application/json'])
    }
    setTimeout(() => {
      if (response.destroyed) return
      response.writeHead(chosen.status ?? 200, headers.flat() as string[])
      response.end(message.method === 'HEAD' ? undefined : text)
    }, chosen.delayMs ?? 0)
  }

  const server = createServer({ insecureHTTPParser: true }, (message, response) => {
    const chunks: Buffer[] = []
    message.on('data', chunk => chunks.push(chunk))
    message.on('end', () => answer(message, Buffer.concat(chunks).toString(), response))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    name: spec.name,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls
    },
    clearCalls() {
      calls = []
    },
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function headersOf({ rawHeaders }: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const value = rawHeaders[i + 1] as string
    const known = headers[name]
    headers[name] = known === undefined ? value : [known, value].flat()
  }
  return headers
}
