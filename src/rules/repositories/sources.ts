/** rules/sources — repositories to texts and rules, each keeping its last good ones. Knows no handler; remote texts come through a function. */
import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { HeaderPair, HttpResponse, Send } from '../../clients/http/message.ts'
import type { Diagnostic } from '../../documents/diagnostic.ts'
import { readTextFile, type UnreadableFile } from '../../documents/text_file.ts'
import { millis } from '../../lib/time.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import { type LocatedRule, parseRulesInBatches } from '../parse.ts'
import { parseRepository, type Repository } from './repository.ts'

export interface LoadedRules {
  /** Repositories in configured order, rules in written order. */
  readonly rules: readonly LocatedRule[]
  /** What can be decoded of what stands there now, also of documents that are refused: to look at, not to serve with. */
  readonly decodedRules: readonly LocatedRule[]
  /** What the rules were made from, as hashes: a hash of them is a revision. */
  readonly digests: readonly string[]
  /** Every repository has been loaded once, now or before. */
  readonly allLoaded: boolean
  readonly states: readonly SourceState[]
  readonly diagnostics: readonly Diagnostic[]
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
export type LocateRepository = (index: number) => Pick<Diagnostic, 'source' | 'line' | 'column' | 'path'>

export interface RuleSources {
  /** Reads all repositories again. Never rejects; what cannot be read or decoded keeps its last good rules. */
  load(repositories: readonly string[], placeOf?: LocateRepository): Promise<LoadedRules>
}

export interface RuleSourcesDependencies {
  /** http(s) and the stores of the clouds alike. */
  readonly fetch: Send
  /** Relative paths start here. */
  readonly directory: string
  /** Called between rules that are read. */
  readonly yieldToEventLoop: Yielder
}

/** Bytes; what is larger is refused before it is read (F7). */
const MAX_RULES_BYTES = 64 * 1024 * 1024
/** For one remote repository, further tries included. */
const REMOTE_TIMEOUT_MS = millis(15_000)

/** What was read and could be decoded. */
interface LoadedDocument {
  readonly digest: string
  readonly rules: readonly LocatedRule[]
  readonly issues: readonly Diagnostic[]
  /** Conditions under which a remote one answers 304 while it is as it was. */
  readonly validators: readonly HeaderPair[]
}

/** `unchanged`: the last good text holds, and nothing is wrong with that. */
type ReadOutcome =
  | { readonly text: string; readonly validators: readonly HeaderPair[] }
  | UnreadableFile
  | 'unchanged'

export function createRuleSources({
  fetch,
  directory,
  yieldToEventLoop,
}: RuleSourcesDependencies): RuleSources {
  let lastGood = new Map<string, LoadedDocument>()

  async function read(repository: Repository, entry: string): Promise<ReadOutcome> {
    switch (repository.kind) {
      case 'inline':
        return { text: repository.text, validators: [] }
      case 'unusable':
        return { reason: repository.message, hint: repository.hint }
      case 'file':
        return rejectEmptyText(await readLocalFile(repository))
      case 'remote':
        return rejectEmptyText(await fetchText(repository, lastGood.get(entry)?.validators ?? []))
    }
  }

  async function fetchText(
    { url, authorization }: Repository & { kind: 'remote' },
    validators: readonly HeaderPair[],
  ): Promise<ReadOutcome> {
    const answer = await fetch({
      method: 'GET',
      url,
      headers: [
        ['accept', 'application/json, application/yaml'],
        ...(authorization === '' ? [] : [['authorization', authorization] as const]),
        ...validators,
      ],
      timeout: REMOTE_TIMEOUT_MS,
      retries: 3,
      maxBytes: MAX_RULES_BYTES,
      target: 'rules',
    })
    if (answer.kind === 'failed') return { reason: `cannot be fetched: ${answer.message}`, hint: '' }
    if (answer.status === 304 && validators.length > 0) return 'unchanged'
    if (answer.status !== 200) {
      return {
        reason: `answered ${answer.status}`,
        hint: STATUS_HINTS.get(answer.status) ?? 'it must answer 200',
      }
    }
    return { text: answer.body, validators: validatorsOf(answer) }
  }

  /** A text that cannot be decoded leaves no validators behind: its fault must be told as long as it stands there. */
  async function decode(entry: string, source: string, outcome: ReadOutcome): Promise<Decoded> {
    const last = lastGood.get(entry)
    if (outcome === 'unchanged') return { document: last, diagnostics: last?.issues ?? [] }
    if ('reason' in outcome) return { document: last, diagnostics: [], fault: outcome }
    const { text, validators } = outcome
    const digest = hash('sha256', text)
    if (last?.digest === digest) return { document: { ...last, validators }, diagnostics: last.issues }
    const {
      rules,
      decodedRules,
      diagnostics: issues,
    } = await parseRulesInBatches(text, source, yieldToEventLoop)
    if (rules === undefined) {
      return {
        document: last,
        decodedRules,
        diagnostics: issues,
        fault: { reason: 'cannot be decoded', hint: '' },
      }
    }
    return { document: { digest, rules, issues, validators }, diagnostics: issues }
  }

  return {
    async load(repositories, locate) {
      const parsedEntries = repositories.map((entry, i) => parseRepository(entry, i, directory))
      const outcomes = await Promise.all(parsedEntries.map((one, i) => read(one, repositories[i] as string)))
      const next = new Map<string, LoadedDocument>()
      const issues: Diagnostic[] = []
      const states: SourceState[] = []
      const loaded: LoadedDocument[] = []
      const readable: LocatedRule[] = []
      const digests: string[] = []
      for (const [i, repository] of parsedEntries.entries()) {
        const entry = repositories[i] as string
        const { kind, source } = repository
        const decoded = await decode(entry, source, outcomes[i] as ReadOutcome)
        issues.push(...decoded.diagnostics)
        for (const rule of decoded.decodedRules ?? decoded.document?.rules ?? []) readable.push(rule)
        const { fault } = decoded
        const isUnreported = fault !== undefined && decoded.diagnostics.length === 0
        if (isUnreported)
          issues.push(repositoryDiagnostic(repository, fault, decoded.document !== undefined, locate?.(i)))
        states.push({
          source,
          kind,
          state: fault === undefined ? 'fresh' : decoded.document === undefined ? 'missing' : 'stale',
          rules: decoded.document?.rules.length ?? 0,
          ...(fault === undefined ? {} : { fault: fault.reason }),
        })
        if (decoded.document === undefined) continue
        next.set(entry, decoded.document)
        loaded.push(decoded.document)
        digests.push(`${source} ${decoded.document.digest}`)
      }
      lastGood = next
      return {
        rules: loaded.flatMap(one => one.rules),
        decodedRules: readable,
        digests,
        allLoaded: loaded.length === repositories.length,
        states,
        diagnostics: issues,
      }
    },
  }
}

interface Decoded {
  readonly document: LoadedDocument | undefined
  /** Where the document is refused: what of it could be decoded. */
  readonly decodedRules?: readonly LocatedRule[]
  readonly diagnostics: readonly Diagnostic[]
  /** What was read now cannot be used. */
  readonly fault?: UnreadableFile
}

const STATUS_HINTS: ReadonlyMap<number, string> = new Map([
  [401, 'check the credentials'],
  [403, 'check the credentials'],
  [404, 'check the address'],
])

/** RFC 9110 §13.1: an etag is the better one, a date serves where there is none. */
function validatorsOf({ headers }: HttpResponse): readonly HeaderPair[] {
  const header = (wanted: string) => headers.find(([name]) => name === wanted)?.[1]
  const etag = header('etag')
  if (etag !== undefined) return [['if-none-match', etag]]
  const modified = header('last-modified')
  return modified === undefined ? [] : [['if-modified-since', modified]]
}

/** A text of no bytes is one that is not written yet: only an explicit `[]` empties a set. */
const rejectEmptyText = (outcome: ReadOutcome): ReadOutcome =>
  typeof outcome === 'object' && 'text' in outcome && outcome.text === ''
    ? { reason: 'is empty', hint: 'write [] for no rules' }
    : outcome

async function readLocalFile({ path, source }: Repository & { kind: 'file' }): Promise<ReadOutcome> {
  const stats = await stat(path).catch(() => undefined)
  if (stats !== undefined && !stats.isFile())
    return { reason: 'is not a file', hint: 'name one file per repository' }
  if (stats !== undefined && stats.size > MAX_RULES_BYTES) {
    return { reason: 'the file is larger than 64 MiB', hint: 'split it' }
  }
  const read = await readTextFile(path, source)
  return 'text' in read ? { ...read, validators: [] } : read
}

/** At the entry that names the repository, where that is known. */
function repositoryDiagnostic(
  { source }: Repository,
  { reason: fault, hint }: UnreadableFile,
  keepsRules: boolean,
  location: ReturnType<LocateRepository> = { source, line: 0, column: 0, path: '' },
): Diagnostic {
  const prefix = source === location.source || source === location.path ? '' : `${source} `
  const message = `${prefix}${fault}${keepsRules ? '; the rules read before stay in force' : ''}`
  return { severity: 'error', ...location, message, hint }
}
