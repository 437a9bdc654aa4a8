/** clients/objects — one object of `s3://`, `gs://` or `azblob://`, told as HTTP would tell it; each cloud's own client is loaded when it is first asked for. Knows nothing of access control. */
import { type ObjectScheme, type ObjectUrl, objectSchemeOf, readObjectUrl } from '../../http/object_url.ts'
import { within } from '../../lib/with_timeout.ts'
import { failed } from '../http/exchange.ts'
import type { Answered, Failed, OutgoingRequest, Send } from '../http/message.ts'
import { ClientFault, type ObjectContent, type ObjectReader, type OpenReader, TooLarge } from './object.ts'

/** A store's file is loaded with its package, and the package may be missing. */
const STORES: Readonly<Record<ObjectScheme, () => Promise<OpenReader>>> = {
  s3: async () => (await import('./s3.ts')).openS3,
  gs: async () => (await import('./gs.ts')).openGs,
  azblob: async () => (await import('./azblob.ts')).openAzblob,
}

export const PACKAGES: Readonly<Record<ObjectScheme, string>> = {
  s3: '@aws-sdk/client-s3',
  gs: '@google-cloud/storage',
  azblob: '@azure/storage-blob',
}

export interface Objects {
  /** Takes GET of an object's address, with `if-none-match`, and answers 200 with an etag, 304, or the store's refusal. */
  readonly send: Send
  close(): void
}

/** Addresses come from configuration only; this bounds what many reloads leave behind. */
const MOST_READERS = 64

/** `env` holds Azure's variables; the other clients read those of the process themselves. */
export function createObjects(env: NodeJS.ProcessEnv): Objects {
  const readers = new Map<string, Promise<ObjectReader>>()

  function readerOf(address: string, url: ObjectUrl): Promise<ObjectReader> {
    const known = readers.get(address)
    if (known !== undefined) return known
    const reader = STORES[url.scheme]().then(open => open(url, env))
    readers.set(address, reader)
    // What could not be opened is opened anew: credentials may come later.
    reader.catch(() => readers.delete(address))
    if (readers.size > MOST_READERS) {
      const [oldest, leaving] = readers.entries().next().value as [string, Promise<ObjectReader>]
      readers.delete(oldest)
      void leaving.then(one => one.close()).catch(() => {})
    }
    return reader
  }

  async function send({ url: address, headers, timeout, maxBytes, target }: OutgoingRequest) {
    const url = readObjectUrl(address)
    if (url.kind === 'bad object url') return failed(target, 'malformed', url.message)
    const giveUp = new AbortController()
    const etag = headers.find(([name]) => name === 'if-none-match')?.[1]
    const question = { etag, maxBytes: maxBytes ?? MIB, timeout, signal: giveUp.signal }
    const asking = readerOf(address, url)
      .then(reader => reader.read(question))
      .then(told, error => refused(target, url.scheme, error))
    const answer = await within(asking, timeout, failed(target, 'timeout'))
    giveUp.abort()
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
export const withObjects = (http: Send, objects: Send): Send => {
  return request => (objectSchemeOf(request.url) === undefined ? http(request) : objects(request))
}
const MIB = 1024 * 1024

function told(content: ObjectContent): Answered {
  if (content === undefined) return { kind: 'answered', status: 304, headers: [], body: '' }
  const { etag, body } = content
  const headers = etag === undefined ? [] : ([['etag', etag]] as const)
  return { kind: 'answered', status: 200, headers, body: body.toString('utf8') }
}

/** Codes and our own words only: texts of the clients may quote what was sent. */
function refused(target: string, scheme: ObjectScheme, error: unknown): Answered | Failed {
  if (error instanceof TooLarge) return failed(target, 'too_large')
  if (error instanceof ClientFault) return failed(target, 'setup', error.message)
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const what = `${PACKAGES[scheme]} is not installed; install it beside credence: npm install ${PACKAGES[scheme]}`
    return failed(target, 'setup', what)
  }
  const status = statusOf(error)
  if (status !== undefined) return { kind: 'answered', status, headers: [], body: '' }
  if (CREDENTIALS.test(String(name)) || CREDENTIALS.test(messageOf(error))) {
    return failed(target, 'setup', 'the client found no credentials, or none that can be used')
  }
  if (typeof code === 'string' && /^[A-Z_]+$/.test(code)) return failed(target, 'connect', code)
  return failed(target, 'connect', /^\w{1,60}$/.test(String(name)) ? String(name) : '')
}

/** `CredentialsProviderError` (AWS), `CredentialUnavailableError` (Azure), "Could not load the default credentials" (Google). */
const CREDENTIALS = /credential/i

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '')

/** AWS has it in `$metadata`, Azure in `statusCode`, Google in `code`. */
function statusOf(error: unknown): number | undefined {
  const fault = error as {
    readonly $metadata?: { readonly httpStatusCode?: unknown }
    readonly statusCode?: unknown
    readonly code?: unknown
  }
  const found = [fault.$metadata?.httpStatusCode, fault.statusCode, fault.code].find(
    status => typeof status === 'number' && status >= 300 && status < 600,
  )
  return found as number | undefined
}
