/** clients/keys_source — the text of a JWK set from http(s)://, a cloud's store, file:// or inline://. Knows no keys. */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { objectSchemeOf, readObjectUrl } from '../../http/object_url.ts'
import { type Millis, millis } from '../../lib/time.ts'
import type { Send } from '../http/message.ts'

export interface KeySource {
  /** For people: without credentials, without query. */
  readonly name: string
  /** Never changes: read once. */
  readonly constant: boolean
  /** Never rejects. */
  read(): Promise<KeyText>
}

export type KeyText =
  | {
      readonly kind: 'text'
      readonly text: string
      /** Every user of the machine can read it (I8). */
      readonly open: boolean
    }
  | { readonly kind: 'fault'; readonly fault: string }

export interface KeySourceParts {
  /** http(s) and the stores of the clouds alike. */
  readonly fetch: Send
  /** Relative files start here. */
  readonly directory: string
}

/** Bytes (C17). */
const LARGEST = 1024 * 1024
/** For one fetch, the second try after a connection error included. */
const FETCH: Millis = millis(10_000)
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

const fault = (text: string): KeyText => ({ kind: 'fault', fault: text })
const text = (value: string, isOpen = false): KeyText => ({ kind: 'text', text: value, open: isOpen })

/** A URL of any other kind is a source that always fails, saying why; handlers refuse it at load. */
export function openSource(url: string, { fetch, directory }: KeySourceParts): KeySource {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'http':
    case 'https':
    case 's3':
    case 'gs':
    case 'azblob':
      return { name: withoutSecrets(url), constant: false, read: () => fetchText(url, fetch) }
    case 'file': {
      const path = resolve(directory, fileOf(url))
      return { name: path, constant: false, read: () => readText(path) }
    }
    case 'inline': {
      const code = url.slice('inline:'.length).replace(/^\/\//, '').replace(/\s/g, '')
      const outcome = BASE64.test(code)
        ? text(Buffer.from(code, 'base64').toString('utf8'))
        : fault('not base64')
      return { name: 'inline', constant: true, read: async () => outcome }
    }
    default:
      return {
        name: 'unknown',
        constant: true,
        read: async () => fault('not a file, http, https, inline, s3, gs or azblob URL'),
      }
  }
}

function withoutSecrets(url: string): string {
  if (objectSchemeOf(url) !== undefined) {
    const object = readObjectUrl(url)
    return object.kind === 'object' ? object.name : 'a URL that cannot be read'
  }
  const parsed = URL.parse(url)
  return parsed === null ? 'a URL that cannot be read' : parsed.origin + parsed.pathname
}

function fileOf(url: string): string {
  const written = url.slice('file:'.length).replace(/^\/\//, '')
  try {
    return decodeURIComponent(written)
  } catch {
    return written
  }
}

/** Any 2xx is taken; redirects are not followed (C17). */
async function fetchText(url: string, fetch: Send): Promise<KeyText> {
  const answer = await fetch({
    method: 'GET',
    url,
    headers: [['accept', 'application/jwk-set+json, application/json']],
    timeout: FETCH,
    retries: 1,
    maxBytes: LARGEST,
    target: 'jwks',
  })
  if (answer.kind === 'failed') return fault(answer.message)
  if (answer.status >= 200 && answer.status < 300) return text(answer.body)
  const redirected = answer.status >= 300 && answer.status < 400
  return fault(`answered ${answer.status}${redirected ? '; redirects are not followed' : ''}`)
}

async function readText(path: string): Promise<KeyText> {
  try {
    // Before it is opened: a pipe would wait for its writer.
    const stats = await stat(path)
    if (!stats.isFile()) return fault('is not a file')
    if (stats.size > LARGEST) return fault('is larger than 1 MiB')
    return text(await readFile(path, 'utf8'), (stats.mode & 0o004) !== 0)
  } catch (error) {
    return fault(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`)
  }
}
