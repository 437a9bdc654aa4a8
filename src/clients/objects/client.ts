/** clients/objects — one object of `s3://`, `gs://` or `azblob://`, told as HTTP would tell it; each cloud's own client is loaded when it is first asked for. Knows nothing of access control. */
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

/** A store's file is loaded with its package, and the package may be missing. */
const READER_LOADERS: Readonly<Record<ObjectScheme, () => Promise<OpenObjectReader>>> = {
  s3: async () => (await import('./s3.ts')).openS3Reader,
  gs: async () => (await import('./gs.ts')).openGoogleStorageReader,
  azblob: async () => (await import('./azblob.ts')).openAzureBlobReader,
}

export const CLIENT_PACKAGES: Readonly<Record<ObjectScheme, string>> = {
  s3: '@aws-sdk/client-s3',
  gs: '@google-cloud/storage',
  azblob: '@azure/storage-blob',
}

export interface ObjectStoreClient {
  /** Takes GET of an object's address, with `if-none-match`, and answers 200 with an etag, 304, or the store's refusal. */
  readonly send: Send
  close(): void
}

/** Addresses come from configuration only; this bounds what many reloads leave behind. */
const MAX_READERS = 64

/** `env` holds Azure's variables; the other clients read those of the process themselves. */
export function createObjectStoreClient(env: NodeJS.ProcessEnv): ObjectStoreClient {
  const readers = new Map<string, Promise<ObjectReader>>()

  function readerOf(address: string, url: ObjectUrl): Promise<ObjectReader> {
    const known = readers.get(address)
    if (known !== undefined) return known
    const reader = READER_LOADERS[url.scheme]().then(open => open(url, env))
    readers.set(address, reader)
    // What could not be opened is opened anew: credentials may come later.
    reader.catch(() => readers.delete(address))
    if (readers.size > MAX_READERS) {
      const [oldest, evicted] = readers.entries().next().value as [string, Promise<ObjectReader>]
      readers.delete(oldest)
      void evicted.then(one => one.close()).catch(() => {})
    }
    return reader
  }

  async function send({ url: address, headers, timeout, maxBytes, target }: OutgoingRequest) {
    const url = parseObjectUrl(address)
    if (url.kind === 'bad object url') return httpFailure(target, 'malformed', url.message)
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
    const answer = await withTimeout(reading, timeout, httpFailure(target, 'timeout'))
    abortController.abort()
    return answer
  }

  return {
    send,
    close() {
      for (const reader of readers.values()) void reader.then(one => one.close()).catch(() => {})
      readers.clear()
    },
  }
}

/** Objects go to the clouds' clients, everything else over HTTP. */
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

/** Codes and our own words only: texts of the clients may quote what was sent. */
function errorToOutcome(target: string, scheme: ObjectScheme, error: unknown): HttpResponse | HttpFailure {
  if (error instanceof ObjectTooLargeError) return httpFailure(target, 'too_large')
  if (error instanceof ObjectClientSetupError) return httpFailure(target, 'setup', error.message)
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const installHint = `${CLIENT_PACKAGES[scheme]} is not installed; install it beside credence: npm install ${CLIENT_PACKAGES[scheme]}`
    return httpFailure(target, 'setup', installHint)
  }
  const status = statusOfError(error)
  if (status !== undefined) return { kind: 'answered', status, headers: [], body: '' }
  if (CREDENTIAL_ERROR.test(String(name)) || CREDENTIAL_ERROR.test(messageOf(error))) {
    return httpFailure(target, 'setup', 'the client found no credentials, or none that can be used')
  }
  if (typeof code === 'string' && /^[A-Z_]+$/.test(code)) return httpFailure(target, 'connect', code)
  return httpFailure(target, 'connect', /^\w{1,60}$/.test(String(name)) ? String(name) : '')
}

/** `CredentialsProviderError` (AWS), `CredentialUnavailableError` (Azure), "Could not load the default credentials" (Google). */
const CREDENTIAL_ERROR = /credential/i

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '')

/** AWS has it in `$metadata`, Azure in `statusCode`, Google in `code`. */
function statusOfError(error: unknown): number | undefined {
  const clientError = error as {
    readonly $metadata?: { readonly httpStatusCode?: unknown }
    readonly statusCode?: unknown
    readonly code?: unknown
  }
  const status = [clientError.$metadata?.httpStatusCode, clientError.statusCode, clientError.code].find(
    status => typeof status === 'number' && status >= 300 && status < 600,
  )
  return status as number | undefined
}
