/** Parses the entries of `access_rules.repositories`: files, inline documents and remote documents. */
import { resolve } from 'node:path'
import { parseObjectScheme, parseObjectUrl } from '../../http/object_url.ts'

/** One entry of `access_rules.repositories`. `source` is shown in diagnostics and `/status`; it has no credentials and no query. */
export type Repository =
  | { readonly kind: 'file'; readonly source: string; readonly path: string }
  | { readonly kind: 'inline'; readonly source: string; readonly text: string }
  | { readonly kind: 'remote'; readonly source: string; readonly url: string; readonly authorization: string }
  | { readonly kind: 'unusable'; readonly source: string; readonly message: string; readonly hint: string }

const STANDARD_BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const SUPPORTED_SCHEMES = 'use file://, http://, https://, inline://, s3://, gs:// or azblob://'

/**
 * Parses an entry without any I/O. Relative paths start in `directory`. Plain paths are accepted as well as `file://`.
 * An entry that cannot be used becomes `unusable`, with a message and a hint.
 */
export function parseRepository(entry: string, index: number, directory: string): Repository {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(entry)?.[1]?.toLowerCase()
  const name = `access_rules.repositories[${index}]`
  if (scheme === undefined) return fileRepository(entry, directory)
  if (scheme === 'file') return fileUrlRepository(entry, directory)
  if (scheme === 'inline') {
    const base64 = entry.slice('inline:'.length).replace(/^\/\//, '').replace(/\s/g, '')
    if (STANDARD_BASE64.test(base64))
      return { kind: 'inline', source: name, text: Buffer.from(base64, 'base64').toString() }
    return unusableRepository(name, 'not standard base64', 'write inline://<base64>')
  }
  if (scheme === 'http' || scheme === 'https') return remoteRepository(entry, name)
  if (parseObjectScheme(entry) !== undefined) return objectRepository(entry, name)
  return unusableRepository(name, `${scheme}:// is not supported`, SUPPORTED_SCHEMES)
}

const unusableRepository = (source: string, message: string, hint: string): Repository => ({
  kind: 'unusable',
  source,
  message,
  hint,
})

const fileRepository = (path: string, directory: string): Repository => ({
  kind: 'file',
  source: path,
  path: resolve(directory, path),
})

function fileUrlRepository(entry: string, directory: string): Repository {
  const rawPath = entry.slice('file:'.length).replace(/^\/\//, '')
  try {
    return fileRepository(decodeURIComponent(rawPath), directory)
  } catch {
    return fileRepository(rawPath, directory)
  }
}

function remoteRepository(entry: string, name: string): Repository {
  const url = URL.parse(entry)
  if (url === null) return unusableRepository(name, 'not a URL', SUPPORTED_SCHEMES)
  const { username, password } = url
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const authorization = credentials === ':' ? '' : `Basic ${Buffer.from(credentials).toString('base64')}`
  url.username = ''
  url.password = ''
  url.hash = ''
  return { kind: 'remote', source: `${url.origin}${url.pathname}`, url: url.href, authorization }
}

function objectRepository(entry: string, name: string): Repository {
  const url = parseObjectUrl(entry)
  if (url.kind === 'invalid object url') return unusableRepository(name, url.message, url.hint)
  return { kind: 'remote', source: url.name, url: entry, authorization: '' }
}

/** Absolute paths of the local repositories: the files to watch. */
export const repositoryFiles = (repositories: readonly string[], directory: string): readonly string[] =>
  repositories
    .map((entry, i) => parseRepository(entry, i, directory))
    .flatMap(repository => (repository.kind === 'file' ? [repository.path] : []))
