/** Reads the text of a JWK set from an http, https, object store, `file:` or `inline:` URL. */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseObjectScheme, parseObjectUrl } from '../../http/object_url.ts'
import { type Millis, millis } from '../../lib/time.ts'
import type { Send } from '../http/message.ts'

/** The place from which a key set is read. */
export interface JwksSource {
  /** For messages: the URL without credentials and query. */
  readonly name: string
  /** The set never changes and is read once. */
  readonly isImmutable: boolean
  /** Never rejects. */
  read(): Promise<JwksText>
}

/** The text of a key set, or the reason why it could not be read. */
export type JwksText =
  | {
      readonly kind: 'text'
      readonly text: string
      /** Every user of the machine can read the file. */
      readonly isWorldReadable: boolean
    }
  | { readonly kind: 'fault'; readonly reason: string }

export interface JwksSourceDependencies {
  /** Reads http and https URLs and those of object stores. */
  readonly fetch: Send
  /** Base of relative `file:` URLs. */
  readonly directory: string
}

const MAX_DOCUMENT_BYTES = 1024 * 1024
/** Limit for one fetch, including the retry after a connection error. */
const FETCH_TIMEOUT_MS: Millis = millis(10_000)
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

const readFailure = (reason: string): JwksText => ({ kind: 'fault', reason })
const readSuccess = (value: string, isWorldReadable = false): JwksText => ({
  kind: 'text',
  text: value,
  isWorldReadable,
})

/**
 * Returns the source of a URL. A URL with another scheme yields a source that always fails; handlers reject
 * such a URL when rules load.
 */
export function createJwksSource(url: string, { fetch, directory }: JwksSourceDependencies): JwksSource {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'http':
    case 'https':
    case 's3':
    case 'gs':
    case 'azblob':
      return { name: redactUrl(url), isImmutable: false, read: () => fetchJwks(url, fetch) }
    case 'file': {
      const path = resolve(directory, decodeFilePath(url))
      return { name: path, isImmutable: false, read: () => readJwksFile(path) }
    }
    case 'inline': {
      const encoded = url.slice('inline:'.length).replace(/^\/\//, '').replace(/\s/g, '')
      const outcome = BASE64.test(encoded)
        ? readSuccess(Buffer.from(encoded, 'base64').toString('utf8'))
        : readFailure('not base64')
      return { name: 'inline', isImmutable: true, read: async () => outcome }
    }
    default:
      return {
        name: 'unknown',
        isImmutable: true,
        read: async () => readFailure('not a file, http, https, inline, s3, gs or azblob URL'),
      }
  }
}

function redactUrl(url: string): string {
  if (parseObjectScheme(url) !== undefined) {
    const object = parseObjectUrl(url)
    return object.kind === 'object' ? object.name : 'an invalid URL'
  }
  const parsed = URL.parse(url)
  return parsed === null ? 'an invalid URL' : parsed.origin + parsed.pathname
}

function decodeFilePath(url: string): string {
  const path = url.slice('file:'.length).replace(/^\/\//, '')
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** Accepts any 2xx status. Redirects are not followed, so that only configured hosts supply keys. */
async function fetchJwks(url: string, fetch: Send): Promise<JwksText> {
  const response = await fetch({
    method: 'GET',
    url,
    headers: [['accept', 'application/jwk-set+json, application/json']],
    timeout: FETCH_TIMEOUT_MS,
    retries: 1,
    maxBytes: MAX_DOCUMENT_BYTES,
    target: 'jwks',
  })
  if (response.kind === 'failed') return readFailure(response.message)
  if (response.status >= 200 && response.status < 300) return readSuccess(response.body)
  const redirected = response.status >= 300 && response.status < 400
  return readFailure(`responded with ${response.status}${redirected ? '; redirects are not followed' : ''}`)
}

async function readJwksFile(path: string): Promise<JwksText> {
  try {
    // Check before opening: opening a named pipe would block until a writer appears.
    const stats = await stat(path)
    if (!stats.isFile()) return readFailure('is not a file')
    if (stats.size > MAX_DOCUMENT_BYTES) return readFailure('is larger than 1 MiB')
    return readSuccess(await readFile(path, 'utf8'), (stats.mode & 0o004) !== 0)
  } catch (error) {
    return readFailure(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`)
  }
}
