/**
 * A store on loopback with one object, in the protocols of S3, Google and Azure as far as their clients use
 * them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { startHttpHost } from './http_host.ts'

export interface StoredObject {
  body: string
  etag: string
  /** Any status but 200 is the response to every request. */
  status: number
  /** Delay before each response. */
  delayMs: number
  /** Whether to omit the content-length. */
  chunked: boolean
}

export interface FakeObjectStore {
  readonly host: string
  readonly object: StoredObject
  /** Method, path and query of each call. */
  readonly calls: string[]
  /** URLs of calls whose response had content. */
  readonly contentReads: string[]
  /** Headers of the last call. */
  lastHeaders(): IncomingMessage['headers']
  close(): Promise<void>
}

/**
 * Paths: `/bucket/rules.json` (S3), `/b/bucket/o/rules.json` (Google), `/account/bucket/rules.json` (Azure).
 */
export async function startObjectStore(): Promise<FakeObjectStore> {
  const object: StoredObject = { body: '[]', etag: '"1"', status: 200, delayMs: 0, chunked: false }
  const calls: string[] = []
  const contentReads: string[] = []
  let headers: IncomingMessage['headers'] = {}
  const host = await startHttpHost(async (request, response) => {
    const url = request.url ?? ''
    calls.push(`${request.method} ${url}`)
    headers = request.headers
    await sleep(object.delayMs)
    if (response.destroyed) return
    if (object.status !== 200) return respondWithError(object.status, response)
    if (/\/o\//.test(url) && !url.includes('alt=media')) {
      const { etag, body } = object
      const metadata = {
        kind: 'storage#object',
        etag,
        size: String(Buffer.byteLength(body)),
        generation: '7',
      }
      response.setHeader('content-type', 'application/json')
      return response.end(JSON.stringify(metadata))
    }
    if (request.headers['if-none-match'] === object.etag) return response.writeHead(304).end()
    contentReads.push(url)
    response.writeHead(200, {
      etag: object.etag,
      'content-type': 'application/octet-stream',
      'x-ms-blob-type': 'BlockBlob',
      ...(object.chunked ? {} : { 'content-length': Buffer.byteLength(object.body) }),
    })
    return response.end(object.body)
  })
  return {
    host: host.url.replace('http://', ''),
    object,
    calls,
    contentReads,
    lastHeaders: () => headers,
    close: () => host.close(),
  }
}

/** The body contains a secret that no message may contain. */
function respondWithError(status: number, response: ServerResponse): void {
  response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': 'Refused' })
  response.end('<?xml version="1.0"?><Error><Code>Refused</Code><Message>marked-secret</Message></Error>')
}
