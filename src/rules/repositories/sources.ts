/** Loads rule repositories; each keeps its last good rules while it cannot be read or decoded. */
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
  /** Rules that can be decoded from the current texts, even from rejected documents: for `validate`, not for traffic. */
  readonly decodedRules: readonly LocatedRule[]
  /** One hash for each loaded document; together they determine the revision. */
  readonly digests: readonly string[]
  /** Whether every repository has been loaded at least once, now or earlier. */
  readonly allLoaded: boolean
  readonly states: readonly SourceState[]
  readonly diagnostics: readonly Diagnostic[]
}

/** State of one repository; shown by `/status`. */
export interface SourceState {
  readonly source: string
  readonly kind: Repository['kind']
  /** `stale`: it cannot be loaded now, and its previous rules are in force. `missing`: it has never been loaded. */
  readonly state: 'fresh' | 'stale' | 'missing'
  /** Number of its rules in force. */
  readonly rules: number
  /** Why it cannot be read or decoded; absent when it is fresh. */
  readonly fault?: string
}

/** Locates an entry in the configuration, for diagnostics about the repository itself. */
export type LocateRepository = (index: number) => Pick<Diagnostic, 'source' | 'line' | 'column' | 'path'>

export interface RuleSources {
  /** Reads all repositories. Never rejects: a repository that cannot be read or decoded keeps its last good rules. */
  load(repositories: readonly string[], locate?: LocateRepository): Promise<LoadedRules>
}

export interface RuleSourcesDependencies {
  /** Sends http(s) requests and reads objects of object stores. */
  readonly fetch: Send
  /** Directory in which relative paths start. */
  readonly directory: string
  /** Called between rules. */
  readonly yieldToEventLoop: Yielder
}

/** A larger document is rejected before it is read: otherwise one repository could exhaust the memory. */
const MAX_RULES_BYTES = 64 * 1024 * 1024
/** Timeout for one remote repository, retries included. */
const REMOTE_TIMEOUT_MS = millis(15_000)

/** The last document of a repository that could be decoded. */
interface LoadedDocument {
  readonly digest: string
  readonly rules: readonly LocatedRule[]
  readonly diagnostics: readonly Diagnostic[]
  /** Headers of a conditional request; a remote repository answers 304 while it is unchanged. */
  readonly validators: readonly HeaderPair[]
}

/** `unchanged`: the server answered 304, so the last document is current. */
type ReadOutcome =
  | { readonly text: string; readonly validators: readonly HeaderPair[] }
  | UnreadableFile
  | 'unchanged'

/** Creates a loader that caches the last good document of each repository. */
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
    const response = await fetch({
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
    if (response.kind === 'failed') return { reason: `cannot be fetched: ${response.message}`, hint: '' }
    if (response.status === 304 && validators.length > 0) return 'unchanged'
    if (response.status !== 200) {
      return {
        reason: `answered ${response.status}`,
        hint: STATUS_HINTS.get(response.status) ?? 'it must answer 200',
      }
    }
    return { text: response.body, validators: validatorsOf(response) }
  }

  /**
   * A text that cannot be decoded does not replace the validators: with its own, the next request would get a 304, and the
   * error would disappear from the diagnostics while the text is still wrong.
   */
  async function decode(entry: string, source: string, outcome: ReadOutcome): Promise<Decoded> {
    const last = lastGood.get(entry)
    if (outcome === 'unchanged') return { document: last, diagnostics: last?.diagnostics ?? [] }
    if ('reason' in outcome) return { document: last, diagnostics: [], fault: outcome }
    const { text, validators } = outcome
    const digest = hash('sha256', text)
    if (last?.digest === digest) return { document: { ...last, validators }, diagnostics: last.diagnostics }
    const { rules, decodedRules, diagnostics } = await parseRulesInBatches(text, source, yieldToEventLoop)
    if (rules !== undefined) return { document: { digest, rules, diagnostics, validators }, diagnostics }
    const fault = { reason: 'cannot be decoded', hint: '' }
    return { document: last, decodedRules, diagnostics, fault }
  }

  return {
    async load(repositories, locate) {
      const parsedEntries = repositories.map((entry, i) => parseRepository(entry, i, directory))
      const outcomes = await Promise.all(parsedEntries.map((one, i) => read(one, repositories[i] as string)))
      const next = new Map<string, LoadedDocument>()
      const diagnostics: Diagnostic[] = []
      const states: SourceState[] = []
      const loaded: LoadedDocument[] = []
      const decodedRules: LocatedRule[] = []
      const digests: string[] = []
      for (const [i, repository] of parsedEntries.entries()) {
        const entry = repositories[i] as string
        const { kind, source } = repository
        const decoded = await decode(entry, source, outcomes[i] as ReadOutcome)
        diagnostics.push(...decoded.diagnostics)
        for (const rule of decoded.decodedRules ?? decoded.document?.rules ?? []) decodedRules.push(rule)
        const { fault } = decoded
        if (fault !== undefined && decoded.diagnostics.length === 0) {
          const keepsRules = decoded.document !== undefined
          diagnostics.push(repositoryDiagnostic(repository, fault, keepsRules, locate?.(i)))
        }
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
        decodedRules,
        digests,
        allLoaded: loaded.length === repositories.length,
        states,
        diagnostics,
      }
    },
  }
}

interface Decoded {
  readonly document: LoadedDocument | undefined
  /** The rules of a rejected document that could be decoded. */
  readonly decodedRules?: readonly LocatedRule[]
  readonly diagnostics: readonly Diagnostic[]
  /** Why the current text cannot be used. */
  readonly fault?: UnreadableFile
}

const STATUS_HINTS: ReadonlyMap<number, string> = new Map([
  [401, 'check the credentials'],
  [403, 'check the credentials'],
  [404, 'check the address'],
])

/** Headers for a conditional request (RFC 9110, section 13.1): the entity tag, or the date if there is no tag. */
function validatorsOf({ headers }: HttpResponse): readonly HeaderPair[] {
  const header = (wanted: string) => headers.find(([name]) => name === wanted)?.[1]
  const etag = header('etag')
  if (etag !== undefined) return [['if-none-match', etag]]
  const modified = header('last-modified')
  return modified === undefined ? [] : [['if-modified-since', modified]]
}

/** An empty file is usually one that is just being written, so only an explicit `[]` removes all rules. */
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

/** Located at the entry of the configuration, if it is known. */
function repositoryDiagnostic(
  { source }: Repository,
  { reason, hint }: UnreadableFile,
  keepsRules: boolean,
  location: ReturnType<LocateRepository> = { source, line: 0, column: 0, path: '' },
): Diagnostic {
  const prefix = source === location.source || source === location.path ? '' : `${source} `
  const message = `${prefix}${reason}${keepsRules ? '; its previous rules stay in force' : ''}`
  return { severity: 'error', ...location, message, hint }
}
