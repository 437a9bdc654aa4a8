/** access/snapshot — the rules that serve traffic, immutable, and how the one that matches is found. Knows no files and no YAML. */

import { badRequest, type Denial, noRule } from './denial.ts'
import { MAX_URL_CHARS, type MatchPolicy, rejectMultiple } from './match_policy.ts'
import type { Responder } from './pipeline.ts'
import type { RequestView } from './request.ts'
import type { CompiledRule, IndexEntry, RuleMatch } from './rule.ts'
import { createRuleIndex, type RuleIndex } from './rule_index.ts'

export interface Snapshot {
  /** Hash of the texts that it was made from. */
  readonly revision: string
  readonly rules: readonly CompiledRule[]
  /** Lower-case names of headers that any rule may set (architecture 13.3). */
  readonly settableHeaders: ReadonlySet<string>
  /** Responders where no rule matched. */
  readonly fallbackResponders: readonly Responder[]
  find(request: RequestView): RuleMatch | Denial
}

/** Also answers what traffic never asks. */
export interface SearchableSnapshot extends Snapshot {
  /** All rules whose pattern matches a URL, whatever their methods; `rpc://…` asks those for gRPC. */
  rulesMatchingUrl(url: string): readonly CompiledRule[]
}

export interface SnapshotOptions extends Omit<Snapshot, 'find'> {
  /** Absent: `only`, as Oathkeeper. */
  readonly matchPolicy?: MatchPolicy
  /** Hosts are compared as they were sent, in Oathkeeper's way; absent: as all spellings of one are read (Q-20, option). */
  readonly hosts?: 'exact' | undefined
  /** What a request gets that no rule matches; absent: 404, as from Oathkeeper. */
  readonly defaultMatch?: RuleMatch | Denial
}

/** A dot matches everything but a newline: in a longer URL one would make patterns backtrack that otherwise cannot. */
const MAX_URL_WITH_NEWLINE_CHARS = 512

export function createSnapshot({ rules, ...options }: SnapshotOptions): SearchableSnapshot {
  const builder = createSnapshotBuilder()
  for (const rule of rules) builder.add(rule)
  return builder.finish(options)
}

/** The same in steps; nothing may be added once it is finished. */
export function createSnapshotBuilder() {
  const rules: CompiledRule[] = []
  const http = createRuleIndex()
  let rpc: RuleIndex | undefined
  return {
    add(rule: CompiledRule): void {
      const order = rules.push(rule) - 1
      if (rule.rpc === undefined) http.add(rule, order)
      else {
        rpc ??= createRuleIndex()
        rpc.add(rule, order)
      }
    },
    finish: (options: Omit<SnapshotOptions, 'rules'>) =>
      createSearchableSnapshot({ ...options, rules }, http, rpc),
  }
}

function createSearchableSnapshot(
  {
    revision,
    rules,
    settableHeaders: writes,
    fallbackResponders: fallback,
    hosts,
    matchPolicy: choose = rejectMultiple,
    defaultMatch: otherwise = noRule(),
  }: SnapshotOptions,
  http: RuleIndex,
  rpc: RuleIndex | undefined,
): SearchableSnapshot {
  /** Filled anew by each search; a search never waits, so one list serves all. */
  const candidates: IndexEntry[] = []

  function find(request: RequestView): RuleMatch | Denial {
    const { scheme, path } = request
    const host = hosts === 'exact' ? request.authority : request.host
    const url = `${scheme}://${host}${path}`
    if (url.length > MAX_URL_WITH_NEWLINE_CHARS && (url.length > MAX_URL_CHARS || url.includes('\n'))) {
      return badRequest('the URL is too long')
    }
    const method = request.method.toUpperCase()
    const count = http.collectCandidates(url, scheme.length + 3 + host.length, candidates)
    const selection = choose(url, method, candidates, count, undefined)
    if (rpc === undefined || !isRpcCall(request, method)) return selection?.outcome ?? otherwise
    const rpcUrl = `rpc://${host}${path}`
    const rpcCount = rpc.collectCandidates(rpcUrl, 6 + host.length, candidates)
    return choose(rpcUrl, method, candidates, rpcCount, selection)?.outcome ?? otherwise
  }

  function matching(url: string): readonly CompiledRule[] {
    const index = url.startsWith('rpc://') ? rpc : http
    const count = index?.collectCandidates(url, pathStart(url), candidates) ?? 0
    return candidates
      .slice(0, count)
      .flatMap(({ rule }) => (rule.pattern.exec(url) === undefined ? [] : [rule]))
  }

  return {
    revision,
    rules,
    settableHeaders: writes,
    fallbackResponders: fallback,
    find,
    rulesMatchingUrl: matching,
  }
}

/** Where the path begins. */
function pathStart(url: string): number {
  const slash = url.indexOf('/', url.indexOf('://') + 3)
  return slash < 0 ? url.length : slash
}

/** A call of gRPC or, as Oathkeeper's middleware knows them, of Connect, whose calls without effects may be GETs. */
function isRpcCall(request: RequestView, method: string): boolean {
  if (method === 'GET') return /(?:^|&)connect=v1(?:&|$)/.test(request.query)
  if (method !== 'POST') return false
  const type = request.header('content-type') ?? ''
  return (
    /^application\/(?:grpc|connect\+)/.test(type) || request.header('connect-protocol-version') !== undefined
  )
}
