/** clients/keys_source — the text of a JWK set from http(s)://, a cloud's store, file:// or inline://. Knows no keys. */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseObjectScheme, parseObjectUrl } from '../../http/object_url.ts'
import { type Millis, millis } from '../../lib/time.ts'
import type { Send } from '../http/message.ts'

export interface JwksSource {
  /** For people: without credentials, without query. */
  readonly name: string
  /** Never changes: read once. */
  readonly isImmutable: boolean
  /** Never rejects. */
  read(): Promise<JwksText>
}

export type JwksText =
  | {
      readonly kind: 'text'
      readonly text: string
      /** Every user of the machine can read it (I8). */
      readonly isWorldReadable: boolean
    }
  | { readonly kind: 'fault'; readonly reason: string }

export interface JwksSourceDependencies {
  /** http(s) and the stores of the clouds alike. */
  readonly fetch: Send
  /** Relative files start here. */
  readonly directory: string
}

/** Bytes (C17). */
const MAX_DOCUMENT_BYTES = 1024 * 1024
/** For one fetch, the second try after a connection error included. */
const FETCH_TIMEOUT_MS: Millis = millis(10_000)
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

const readFailure = (reason: string): JwksText => ({ kind: 'fault', reason })
const readSuccess = (value: string, isWorldReadable = false): JwksText => ({
  kind: 'text',
  text: value,
  isWorldReadable,
})

/** A URL of any other kind is a source that always fails, saying why; handlers refuse it at load. */
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
    return object.kind === 'object' ? object.name : 'a URL that cannot be read'
  }
  const parsed = URL.parse(url)
  return parsed === null ? 'a URL that cannot be read' : parsed.origin + parsed.pathname
}

function decodeFilePath(url: string): string {
  const path = url.slice('file:'.length).replace(/^\/\//, '')
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** Any 2xx is taken; redirects are not followed (C17). */
async function fetchJwks(url: string, fetch: Send): Promise<JwksText> {
  const answer = await fetch({
    method: 'GET',
    url,
    headers: [['accept', 'application/jwk-set+json, application/json']],
    timeout: FETCH_TIMEOUT_MS,
    retries: 1,
    maxBytes: MAX_DOCUMENT_BYTES,
    target: 'jwks',
  })
  if (answer.kind === 'failed') return readFailure(answer.message)
  if (answer.status >= 200 && answer.status < 300) return readSuccess(answer.body)
  const redirected = answer.status >= 300 && answer.status < 400
  return readFailure(`answered ${answer.status}${redirected ? '; redirects are not followed' : ''}`)
}

async function readJwksFile(path: string): Promise<JwksText> {
  try {
    // Before it is opened: a pipe would wait for its writer.
    const stats = await stat(path)
    if (!stats.isFile()) return readFailure('is not a file')
    if (stats.size > MAX_DOCUMENT_BYTES) return readFailure('is larger than 1 MiB')
    return readSuccess(await readFile(path, 'utf8'), (stats.mode & 0o004) !== 0)
  } catch (error) {
    return readFailure(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`)
  }
}
