/** rules/repository — what an entry of `access_rules.repositories` names: a file, a text, something remote. Reads nothing. */
import { resolve } from 'node:path'
import { objectSchemeOf, readObjectUrl } from '../../http/object_url.ts'

/** What stands behind one entry of `access_rules.repositories`. `source` names it for people, without credentials. */
export type Repository =
  | { readonly kind: 'file'; readonly source: string; readonly path: string }
  | { readonly kind: 'inline'; readonly source: string; readonly text: string }
  | { readonly kind: 'remote'; readonly source: string; readonly url: string; readonly authorization: string }
  | { readonly kind: 'unusable'; readonly source: string; readonly message: string; readonly hint: string }

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const SCHEMES = 'use file://, http://, https://, inline://, s3://, gs:// or azblob://'

/** Reads an entry, without touching what it names. Plain and relative paths are accepted. */
export function repositoryOf(entry: string, index: number, directory: string): Repository {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(entry)?.[1]?.toLowerCase()
  const named = `access_rules.repositories[${index}]`
  if (scheme === undefined) return file(entry, directory)
  if (scheme === 'file') return fileUrl(entry, directory)
  if (scheme === 'inline') {
    const code = entry.slice('inline:'.length).replace(/^\/\//, '').replace(/\s/g, '')
    if (BASE64.test(code))
      return { kind: 'inline', source: named, text: Buffer.from(code, 'base64').toString() }
    return unusable(named, 'not standard base64', 'write inline://<base64>')
  }
  if (scheme === 'http' || scheme === 'https') return remote(entry, named)
  if (objectSchemeOf(entry) !== undefined) return object(entry, named)
  return unusable(named, `${scheme}:// is not supported`, SCHEMES)
}

const unusable = (source: string, message: string, hint: string): Repository => ({
  kind: 'unusable',
  source,
  message,
  hint,
})

const file = (path: string, directory: string): Repository => ({
  kind: 'file',
  source: path,
  path: resolve(directory, path),
})

function fileUrl(entry: string, directory: string): Repository {
  const written = entry.slice('file:'.length).replace(/^\/\//, '')
  try {
    return file(decodeURIComponent(written), directory)
  } catch {
    return file(written, directory)
  }
}

function remote(entry: string, named: string): Repository {
  const url = URL.parse(entry)
  if (url === null) return unusable(named, 'not a URL', SCHEMES)
  const { username, password } = url
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const authorization = credentials === ':' ? '' : `Basic ${Buffer.from(credentials).toString('base64')}`
  url.username = ''
  url.password = ''
  url.hash = ''
  return { kind: 'remote', source: `${url.origin}${url.pathname}`, url: url.href, authorization }
}

function object(entry: string, named: string): Repository {
  const url = readObjectUrl(entry)
  if (url.kind === 'bad object url') return unusable(named, url.message, url.hint)
  return { kind: 'remote', source: url.name, url: entry, authorization: '' }
}

/** Files to watch. */
export const filesOf = (repositories: readonly string[], directory: string): readonly string[] =>
  repositories
    .map((entry, i) => repositoryOf(entry, i, directory))
    .flatMap(repository => (repository.kind === 'file' ? [repository.path] : []))
