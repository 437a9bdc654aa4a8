/** rules/sources — repositories to texts and rules, each keeping its last good ones. Knows no handler; remote texts come through a function. */
import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { Answered, HeaderPair, Send } from '../../clients/http/message.ts'
import type { Issue } from '../../documents/issue.ts'
import { type FileFault, readTextFile } from '../../documents/text_file.ts'
import { millis } from '../../lib/time.ts'
import type { Breathe } from '../../lib/yield_to_event_loop.ts'
import { type PlacedRule, parseRulesInSteps } from '../parse.ts'
import { type Repository, repositoryOf } from './repository.ts'

export interface LoadedRules {
  /** Repositories in configured order, rules in written order. */
  readonly rules: readonly PlacedRule[]
  /** What can be decoded of what stands there now, also of documents that are refused: to look at, not to serve with. */
  readonly readable: readonly PlacedRule[]
  /** What the rules were made from, as hashes: a hash of them is a revision. */
  readonly digests: readonly string[]
  /** Every repository has been loaded once, now or before. */
  readonly complete: boolean
  readonly states: readonly SourceState[]
  readonly issues: readonly Issue[]
}

/** How one repository is doing; shown by `/status`. */
export interface SourceState {
  readonly source: string
  readonly kind: Repository['kind']
  /** `stale`: the rules read before are in force, because it cannot be read now. `missing`: it was never read. */
  readonly state: 'fresh' | 'stale' | 'missing'
  /** In force. */
  readonly rules: number
  /** Why it cannot be read or decoded; absent when it is fresh. */
  readonly fault?: string
}

/** Where an entry was written: what is wrong with the repository itself is told there. */
export type EntryPlace = (index: number) => Pick<Issue, 'source' | 'line' | 'column' | 'path'>

export interface RuleSources {
  /** Reads all repositories again. Never rejects; what cannot be read or decoded keeps its last good rules. */
  load(repositories: readonly string[], placeOf?: EntryPlace): Promise<LoadedRules>
}

export interface RuleSourcesParts {
  /** http(s) and the stores of the clouds alike. */
  readonly fetch: Send
  /** Relative paths start here. */
  readonly directory: string
  /** Called between rules that are read. */
  readonly breathe: Breathe
}

/** Bytes; what is larger is refused before it is read (F7). */
const LARGEST = 64 * 1024 * 1024
/** For one remote repository, further tries included. */
const REMOTE_TIMEOUT = millis(15_000)

/** What was read and could be decoded. */
interface Good {
  readonly digest: string
  readonly rules: readonly PlacedRule[]
  readonly issues: readonly Issue[]
  /** Conditions under which a remote one answers 304 while it is as it was. */
  readonly validators: readonly HeaderPair[]
}

/** `unchanged`: the last good text holds, and nothing is wrong with that. */
type Read = { readonly text: string; readonly validators: readonly HeaderPair[] } | FileFault | 'unchanged'

export function createRuleSources({ fetch, directory, breathe }: RuleSourcesParts): RuleSources {
  let good = new Map<string, Good>()

  async function read(repository: Repository, entry: string): Promise<Read> {
    switch (repository.kind) {
      case 'inline':
        return { text: repository.text, validators: [] }
      case 'unusable':
        return { fault: repository.message, hint: repository.hint }
      case 'file':
        return notYetWritten(await readLocal(repository))
      case 'remote':
        return notYetWritten(await fetchText(repository, good.get(entry)?.validators ?? []))
    }
  }

  async function fetchText(
    { url, authorization }: Repository & { kind: 'remote' },
    validators: readonly HeaderPair[],
  ): Promise<Read> {
    const answer = await fetch({
      method: 'GET',
      url,
      headers: [
        ['accept', 'application/json, application/yaml'],
        ...(authorization === '' ? [] : [['authorization', authorization] as const]),
        ...validators,
      ],
      timeout: REMOTE_TIMEOUT,
      retries: 3,
      maxBytes: LARGEST,
      target: 'rules',
    })
    if (answer.kind === 'failed') return { fault: `cannot be fetched: ${answer.message}`, hint: '' }
    if (answer.status === 304 && validators.length > 0) return 'unchanged'
    if (answer.status !== 200) {
      return { fault: `answered ${answer.status}`, hint: HINTS.get(answer.status) ?? 'it must answer 200' }
    }
    return { text: answer.body, validators: validatorsOf(answer) }
  }

  /** A text that cannot be decoded leaves no validators behind: its fault must be told as long as it stands there. */
  async function decode(entry: string, source: string, outcome: Read): Promise<Decoded> {
    const last = good.get(entry)
    if (outcome === 'unchanged') return { good: last, issues: last?.issues ?? [] }
    if ('fault' in outcome) return { good: last, issues: [], fault: outcome }
    const { text, validators } = outcome
    const digest = hash('sha256', text)
    if (last?.digest === digest) return { good: { ...last, validators }, issues: last.issues }
    const { rules, readable, issues } = await parseRulesInSteps(text, source, breathe)
    if (rules === undefined) {
      return { good: last, readable, issues, fault: { fault: 'cannot be decoded', hint: '' } }
    }
    return { good: { digest, rules, issues, validators }, issues }
  }

  return {
    async load(repositories, placeOf) {
      const opened = repositories.map((entry, i) => repositoryOf(entry, i, directory))
      const outcomes = await Promise.all(opened.map((one, i) => read(one, repositories[i] as string)))
      const next = new Map<string, Good>()
      const issues: Issue[] = []
      const states: SourceState[] = []
      const loaded: Good[] = []
      const readable: PlacedRule[] = []
      const digests: string[] = []
      for (const [i, repository] of opened.entries()) {
        const entry = repositories[i] as string
        const { kind, source } = repository
        const decoded = await decode(entry, source, outcomes[i] as Read)
        issues.push(...decoded.issues)
        for (const rule of decoded.readable ?? decoded.good?.rules ?? []) readable.push(rule)
        const { fault } = decoded
        const told = fault !== undefined && decoded.issues.length === 0
        if (told) issues.push(issueOf(repository, fault, decoded.good !== undefined, placeOf?.(i)))
        states.push({
          source,
          kind,
          state: fault === undefined ? 'fresh' : decoded.good === undefined ? 'missing' : 'stale',
          rules: decoded.good?.rules.length ?? 0,
          ...(fault === undefined ? {} : { fault: fault.fault }),
        })
        if (decoded.good === undefined) continue
        next.set(entry, decoded.good)
        loaded.push(decoded.good)
        digests.push(`${source} ${decoded.good.digest}`)
      }
      good = next
      return {
        rules: loaded.flatMap(one => one.rules),
        readable,
        digests,
        complete: loaded.length === repositories.length,
        states,
        issues,
      }
    },
  }
}

interface Decoded {
  readonly good: Good | undefined
  /** Where the document is refused: what of it could be decoded. */
  readonly readable?: readonly PlacedRule[]
  readonly issues: readonly Issue[]
  /** What was read now cannot be used. */
  readonly fault?: FileFault
}

const HINTS: ReadonlyMap<number, string> = new Map([
  [401, 'check the credentials'],
  [403, 'check the credentials'],
  [404, 'check the address'],
])

/** RFC 9110 §13.1: an etag is the better one, a date serves where there is none. */
function validatorsOf({ headers }: Answered): readonly HeaderPair[] {
  const header = (wanted: string) => headers.find(([name]) => name === wanted)?.[1]
  const etag = header('etag')
  if (etag !== undefined) return [['if-none-match', etag]]
  const modified = header('last-modified')
  return modified === undefined ? [] : [['if-modified-since', modified]]
}

/** A text of no bytes is one that is not written yet: only an explicit `[]` empties a set. */
const notYetWritten = (outcome: Read): Read =>
  typeof outcome === 'object' && 'text' in outcome && outcome.text === ''
    ? { fault: 'is empty', hint: 'write [] for no rules' }
    : outcome

async function readLocal({ path, source }: Repository & { kind: 'file' }): Promise<Read> {
  const stats = await stat(path).catch(() => undefined)
  if (stats !== undefined && !stats.isFile())
    return { fault: 'is not a file', hint: 'name one file per repository' }
  if (stats !== undefined && stats.size > LARGEST) {
    return { fault: 'the file is larger than 64 MiB', hint: 'split it' }
  }
  const read = await readTextFile(path, source)
  return 'text' in read ? { ...read, validators: [] } : read
}

/** At the entry that names the repository, where that is known. */
function issueOf(
  { source }: Repository,
  { fault, hint }: FileFault,
  stays: boolean,
  place: ReturnType<EntryPlace> = { source, line: 0, column: 0, path: '' },
): Issue {
  const named = source === place.source || source === place.path ? '' : `${source} `
  const message = `${named}${fault}${stays ? '; the rules read before stay in force' : ''}`
  return { severity: 'error', ...place, message, hint }
}
