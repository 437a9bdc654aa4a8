/**
 * Reads objects of `s3://`, `gs://` and `azblob://` through each cloud's own client and reports the outcome
 * as HTTP.
 */
import {
  type ObjectScheme,
  type ObjectUrl,
  parseObjectScheme,
  parseObjectUrl,
} from '../../http/object_url.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import { httpFailure } from '../http/exchange.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest, Send } from '../http/message.ts'
import {
  ObjectClientSetupError,
  type ObjectContent,
  type ObjectReader,
  ObjectTooLargeError,
  type OpenObjectReader,
} from './object.ts'

/** Loaded with the first read of a store, because its package is optional and slow to load. */
const READER_LOADERS: Readonly<Record<ObjectScheme, () => Promise<OpenObjectReader>>> = {
  s3: async () => (await import('./s3.ts')).openS3Reader,
  gs: async () => (await import('./gs.ts')).openGoogleStorageReader,
  azblob: async () => (await import('./azblob.ts')).openAzureBlobReader,
}

/** npm package of each store's client. */
export const CLIENT_PACKAGES: Readonly<Record<ObjectScheme, string>> = {
  s3: '@aws-sdk/client-s3',
  gs: '@google-cloud/storage',
  azblob: '@azure/storage-blob',
}

/** Reads objects of all supported stores. */
export interface ObjectStoreClient {
  /**
   * Reads the object at `request.url`, conditionally with `if-none-match`. Resolves to 200 with an ETag, 304,
   * or the store's error status.
   */
  readonly send: Send
  /** Closes all readers. */
  close(): void
}

/** URLs come from configuration only. The bound limits what repeated reloads leave behind. */
const MAX_READERS = 64

/** `env` supplies Azure's variables. The other clients read the environment of the process themselves. */
export function createObjectStoreClient(env: NodeJS.ProcessEnv): ObjectStoreClient {
  const readers = new Map<string, Promise<ObjectReader>>()

  function readerOf(address: string, url: ObjectUrl): Promise<ObjectReader> {
    const existing = readers.get(address)
    if (existing !== undefined) return existing
    const reader = READER_LOADERS[url.scheme]().then(open => open(url, env))
    readers.set(address, reader)
    // A later read opens the reader again, because credentials may have appeared.
    reader.catch(() => readers.delete(address))
    if (readers.size > MAX_READERS) {
      const [oldest, evicted] = readers.entries().next().value as [string, Promise<ObjectReader>]
      readers.delete(oldest)
      void evicted.then(evictedReader => evictedReader.close()).catch(() => {})
    }
    return reader
  }

  async function send({ url: address, headers, timeout, maxBytes, target }: OutgoingRequest) {
    const url = parseObjectUrl(address)
    if (url.kind === 'invalid object url') return httpFailure(target, 'malformed', url.message)
    const abortController = new AbortController()
    const etag = headers.find(([name]) => name === 'if-none-match')?.[1]
    const readRequest = {
      etag,
      maxBytes: maxBytes ?? DEFAULT_MAX_OBJECT_BYTES,
      timeout,
      signal: abortController.signal,
    }
    const reading = readerOf(address, url)
      .then(reader => reader.read(readRequest))
      .then(toHttpResponse, error => errorToOutcome(target, url.scheme, error))
    const outcome = await withTimeout(reading, timeout, httpFailure(target, 'timeout'))
    abortController.abort()
    return outcome
  }

  return {
    send,
    close() {
      for (const reader of readers.values()) void reader.then(opened => opened.close()).catch(() => {})
      readers.clear()
    },
  }
}

/** Routes URLs of object stores to `objects` and all other URLs to `http`. */
export const withObjectStores = (http: Send, objects: Send): Send => {
  return request => (parseObjectScheme(request.url) === undefined ? http(request) : objects(request))
}

const DEFAULT_MAX_OBJECT_BYTES = 1024 * 1024

function toHttpResponse(content: ObjectContent): HttpResponse {
  if (content === undefined) return { kind: 'answered', status: 304, headers: [], body: '' }
  const { etag, body } = content
  const headers = etag === undefined ? [] : ([['etag', etag]] as const)
  return { kind: 'answered', status: 200, headers, body: body.toString('utf8') }
}

/** Reports error codes and fixed texts only, because a message of a client may quote what it sent. */
function errorToOutcome(target: string, scheme: ObjectScheme, error: unknown): HttpResponse | HttpFailure {
  if (error instanceof ObjectTooLargeError) return httpFailure(target, 'too_large')
  if (error instanceof ObjectClientSetupError) return httpFailure(target, 'setup', error.message)
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const installHint = `${CLIENT_PACKAGES[scheme]} is not installed; install it next to credence: npm install ${CLIENT_PACKAGES[scheme]}`
    return httpFailure(target, 'setup', installHint)
  }
  const status = statusOfError(error)
  if (status !== undefined) return { kind: 'answered', status, headers: [], body: '' }
  if (CREDENTIAL_ERROR.test(String(name)) || CREDENTIAL_ERROR.test(messageOf(error))) {
    return httpFailure(target, 'setup', 'the client found no usable credentials')
  }
  if (typeof code === 'string' && /^[A-Z_]+$/.test(code)) return httpFailure(target, 'connect', code)
  return httpFailure(target, 'connect', /^\w{1,60}$/.test(String(name)) ? String(name) : '')
}

/**
 * Matches `CredentialsProviderError` (AWS), `CredentialUnavailableError` (Azure), "Could not load the default
 * credentials" (Google).
 */
const CREDENTIAL_ERROR = /credential/i

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '')

/** AWS puts the HTTP status into `$metadata`, Azure into `statusCode`, Google into `code`. */
function statusOfError(error: unknown): number | undefined {
  const clientError = error as {
    readonly $metadata?: { readonly httpStatusCode?: unknown }
    readonly statusCode?: unknown
    readonly code?: unknown
  }
  const candidates = [clientError.$metadata?.httpStatusCode, clientError.statusCode, clientError.code]
  return candidates.find((status): status is number => {
    return typeof status === 'number' && status >= 300 && status < 600
  })
}
