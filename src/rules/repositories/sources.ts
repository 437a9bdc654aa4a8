/** Loads rule repositories; each keeps its last good rules while it cannot be read or decoded. */
import { hash } from 'node:crypto'
import type { HeaderPair, Send } from '../../clients/http/message.ts'
import type { Diagnostic, DiagnosticLocation } from '../../documents/diagnostic.ts'
import type { UnreadableFile } from '../../documents/text_file.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import { type LocatedRule, parseRulesInBatches } from '../parse.ts'
import { createRepositoryReader, type ReadOutcome } from './read_repository.ts'
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
export type LocateRepository = (index: number) => DiagnosticLocation

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

/** The last document of a repository that could be decoded. */
interface LoadedDocument {
  readonly digest: string
  readonly rules: readonly LocatedRule[]
  readonly diagnostics: readonly Diagnostic[]
  /** Headers of a conditional request; a remote repository answers 304 while it is unchanged. */
  readonly validators: readonly HeaderPair[]
}

/** Creates a loader that caches the last good document of each repository. */
export function createRuleSources({
  fetch,
  directory,
  yieldToEventLoop,
}: RuleSourcesDependencies): RuleSources {
  const read = createRepositoryReader(fetch)
  let lastGood = new Map<string, LoadedDocument>()

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
      const outcomes = await Promise.all(
        parsedEntries.map((one, i) => read(one, lastGood.get(repositories[i] as string)?.validators ?? [])),
      )
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

/** Located at the entry of the configuration, if it is known. */
function repositoryDiagnostic(
  { source }: Repository,
  { reason, hint }: UnreadableFile,
  keepsRules: boolean,
  location: DiagnosticLocation = { source, line: 0, column: 0, path: '' },
): Diagnostic {
  const prefix = source === location.source || source === location.path ? '' : `${source} `
  const message = `${prefix}${reason}${keepsRules ? '; its previous rules stay in force' : ''}`
  return { severity: 'error', ...location, message, hint }
}
