/** rules/repository — file://, http(s)://, inline:// to texts and rules, each repository keeping its last good ones. Knows no handler; remote texts come through a function. */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Send } from '../clients/http.ts'
import { millis } from '../lib/duration.ts'
import type { Issue } from '../lib/issue.ts'
import { type PlacedRule, parseRules } from './parse.ts'

/** What stands behind one entry of `access_rules.repositories`. `source` names it for people, without credentials. */
export type Repository =
  | { readonly kind: 'file'; readonly source: string; readonly path: string }
  | { readonly kind: 'inline'; readonly source: string; readonly text: string }
  | { readonly kind: 'remote'; readonly source: string; readonly url: string; readonly authorization: string }
  | { readonly kind: 'unusable'; readonly source: string; readonly message: string; readonly hint: string }

export interface LoadedRules {
  /** Repositories in configured order, rules in written order. */
  readonly rules: readonly PlacedRule[]
  /** The texts that the rules were made from: a hash of them is a revision. */
  readonly texts: readonly { readonly source: string; readonly text: string }[]
  /** Every repository has been loaded once, now or before. */
  readonly complete: boolean
  readonly issues: readonly Issue[]
}

export interface RuleSources {
  /** Reads all repositories again. Never rejects; what cannot be read or decoded keeps its last good rules. */
  load(repositories: readonly string[]): Promise<LoadedRules>
}

export interface RuleSourcesParts {
  readonly send: Send
  /** Relative paths start here. */
  readonly directory: string
}

/** Bytes; what is larger is refused before it is read (F7). */
const LARGEST = 64 * 1024 * 1024
/** For one remote repository, further tries included. */
const REMOTE_TIMEOUT = millis(15_000)
const CLOUD = /^(s3|gs|azblob):/i
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

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
    return {
      kind: 'unusable',
      source: named,
      message: 'not standard base64',
      hint: 'write inline://<base64>',
    }
  }
  if (scheme === 'http' || scheme === 'https') return remote(entry, named)
  const hint = CLOUD.test(entry) ? 'mount or serve it, and name it by file:// or https://' : SCHEMES
  return { kind: 'unusable', source: named, message: `${scheme}:// is not supported`, hint }
}

const SCHEMES = 'use file://, http://, https:// or inline://'

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
  if (url === null) return { kind: 'unusable', source: named, message: 'not a URL', hint: SCHEMES }
  const { username, password } = url
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const authorization = credentials === ':' ? '' : `Basic ${Buffer.from(credentials).toString('base64')}`
  url.username = ''
  url.password = ''
  url.hash = ''
  return { kind: 'remote', source: `${url.origin}${url.pathname}`, url: url.href, authorization }
}

/** Files to watch. */
export const filesOf = (repositories: readonly string[], directory: string): readonly string[] =>
  repositories
    .map((entry, i) => repositoryOf(entry, i, directory))
    .flatMap(repository => (repository.kind === 'file' ? [repository.path] : []))

interface Good {
  readonly text: string
  readonly rules: readonly PlacedRule[]
  readonly issues: readonly Issue[]
}

/** `unchanged`: the last good text holds, and nothing is wrong with that. */
type Read = { readonly text: string } | { readonly fault: string; readonly hint: string } | 'unchanged'

export function createRuleSources({ send, directory }: RuleSourcesParts): RuleSources {
  let good = new Map<string, Good>()
  const tags = new Map<string, string>()

  async function read(repository: Repository, entry: string): Promise<Read> {
    switch (repository.kind) {
      case 'inline':
        return { text: repository.text }
      case 'unusable':
        return { fault: repository.message, hint: repository.hint }
      case 'file':
        return notYetWritten(await readLocal(repository.path))
      case 'remote':
        return notYetWritten(await fetchText(repository, entry))
    }
  }

  async function fetchText(repository: Repository & { kind: 'remote' }, entry: string): Promise<Read> {
    const tag = good.has(entry) ? tags.get(entry) : undefined
    const answer = await send({
      method: 'GET',
      url: repository.url,
      headers: [
        ['accept', 'application/json, application/yaml'],
        ...(repository.authorization === '' ? [] : [['authorization', repository.authorization] as const]),
        ...(tag === undefined ? [] : [['if-none-match', tag] as const]),
      ],
      timeout: REMOTE_TIMEOUT,
      retries: 3,
      maxBytes: LARGEST,
      target: 'rules',
    })
    if (answer.kind === 'failed') return { fault: `cannot be fetched: ${answer.message}`, hint: '' }
    if (answer.status === 304) return 'unchanged'
    if (answer.status !== 200) return { fault: `answered ${answer.status}`, hint: 'it must answer 200' }
    const etag = answer.headers.find(([name]) => name === 'etag')?.[1]
    if (etag === undefined) tags.delete(entry)
    else tags.set(entry, etag)
    return { text: answer.body }
  }

  function decode(entry: string, source: string, outcome: Read): { good?: Good; issues: readonly Issue[] } {
    const last = good.get(entry)
    const kept = last === undefined ? {} : { good: last }
    if (outcome === 'unchanged') return { ...kept, issues: last?.issues ?? [] }
    if ('fault' in outcome) {
      const stays = last === undefined ? '' : '; the rules read before stay in force'
      return { ...kept, issues: [issueOf(source, outcome.fault + stays, outcome.hint)] }
    }
    const { text } = outcome
    if (last?.text === text) return { good: last, issues: last.issues }
    const { rules, issues } = parseRules(text, source)
    if (rules === undefined) return { ...kept, issues }
    return { good: { text, rules, issues }, issues }
  }

  return {
    async load(repositories) {
      const opened = repositories.map((entry, i) => repositoryOf(entry, i, directory))
      const outcomes = await Promise.all(opened.map((one, i) => read(one, repositories[i] as string)))
      const next = new Map<string, Good>()
      const issues: Issue[] = []
      repositories.forEach((entry, i) => {
        const decoded = decode(entry, (opened[i] as Repository).source, outcomes[i] as Read)
        issues.push(...decoded.issues)
        if (decoded.good !== undefined) next.set(entry, decoded.good)
      })
      good = next
      const loaded = repositories.flatMap((entry, i) => {
        const one = next.get(entry)
        return one === undefined ? [] : [{ ...one, source: (opened[i] as Repository).source }]
      })
      return {
        rules: loaded.flatMap(one => one.rules),
        texts: loaded.map(({ source, text }) => ({ source, text })),
        complete: loaded.length === repositories.length,
        issues,
      }
    },
  }
}

/** A text of no bytes is one that is not written yet: only an explicit `[]` empties a set. */
const notYetWritten = (outcome: Read): Read =>
  typeof outcome === 'object' && 'text' in outcome && outcome.text === ''
    ? { fault: 'is empty', hint: 'write [] for no rules' }
    : outcome

async function readLocal(path: string): Promise<Read> {
  try {
    const stats = await stat(path)
    if (!stats.isFile()) return { fault: 'is not a file', hint: 'name one file per repository' }
    if (stats.size > LARGEST) return { fault: 'the file is larger than 64 MiB', hint: 'split it' }
    return { text: await readFile(path, 'utf8') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { fault: `cannot be read: ${REASONS.get(code ?? '') ?? code ?? 'unknown reason'}`, hint: '' }
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file'],
  ['EACCES', 'permission denied'],
])

const issueOf = (source: string, message: string, hint: string): Issue => ({
  severity: 'error',
  source,
  line: 0,
  column: 0,
  path: '',
  message,
  hint,
})
