/** access/snapshot — the rules that serve traffic, immutable, and how the one that matches is found. Knows no files and no YAML. */

import { badRequest, type Denial, noRule } from './denial.ts'
import { type Choose, LONGEST_URL, only } from './match_policy.ts'
import type { Responder } from './pipeline.ts'
import type { RequestView } from './request.ts'
import type { CompiledRule, Entry, Found } from './rule.ts'
import { createRuleIndex, type RuleIndex } from './rule_index.ts'

export interface Snapshot {
  /** Hash of the texts that it was made from. */
  readonly revision: string
  readonly rules: readonly CompiledRule[]
  /** Lower-case names of headers that any rule may set (architecture 13.3). */
  readonly writes: ReadonlySet<string>
  /** Responders where no rule matched. */
  readonly fallback: readonly Responder[]
  find(request: RequestView): Found | Denial
}

/** Also answers what traffic never asks. */
export interface SearchableSnapshot extends Snapshot {
  /** All rules whose pattern matches a URL, whatever their methods; `rpc://…` asks those for gRPC. */
  matching(url: string): readonly CompiledRule[]
}

export interface SnapshotParts extends Omit<Snapshot, 'find'> {
  /** Absent: `only`, as Oathkeeper. */
  readonly choose?: Choose
  /** Hosts are compared as they were sent, in Oathkeeper's way; absent: as all spellings of one are read (Q-20, option). */
  readonly hosts?: 'exact' | undefined
  /** What a request gets that no rule matches; absent: 404, as from Oathkeeper. */
  readonly otherwise?: Found | Denial
}

/** A dot matches everything but a newline: in a longer URL one would make patterns backtrack that otherwise cannot. */
const LONGEST_URL_WITH_NEWLINE = 512

export function createSnapshot({ rules, ...parts }: SnapshotParts): SearchableSnapshot {
  const growing = growSnapshot()
  for (const rule of rules) growing.add(rule)
  return growing.finish(parts)
}

/** The same in steps; nothing may be added once it is finished. */
export function growSnapshot() {
  const rules: CompiledRule[] = []
  const http = createRuleIndex()
  let rpc: RuleIndex | undefined
  return {
    add(rule: CompiledRule): void {
      const place = rules.push(rule) - 1
      if (rule.rpc === undefined) http.add(rule, place)
      else {
        rpc ??= createRuleIndex()
        rpc.add(rule, place)
      }
    },
    finish: (parts: Omit<SnapshotParts, 'rules'>) => searchable({ ...parts, rules }, http, rpc),
  }
}

function searchable(
  { revision, rules, writes, fallback, hosts, choose = only, otherwise = noRule() }: SnapshotParts,
  http: RuleIndex,
  rpc: RuleIndex | undefined,
): SearchableSnapshot {
  /** Filled anew by each search; a search never waits, so one list serves all. */
  const candidates: Entry[] = []

  function find(request: RequestView): Found | Denial {
    const { scheme, path } = request
    const host = hosts === 'exact' ? request.authority : request.host
    const url = `${scheme}://${host}${path}`
    if (url.length > LONGEST_URL_WITH_NEWLINE && (url.length > LONGEST_URL || url.includes('\n'))) {
      return badRequest('the URL is too long')
    }
    const method = request.method.toUpperCase()
    const count = http.candidates(url, scheme.length + 3 + host.length, candidates)
    const chosen = choose(url, method, candidates, count, undefined)
    if (rpc === undefined || !isRpc(request, method)) return chosen?.outcome ?? otherwise
    const call = `rpc://${host}${path}`
    const calls = rpc.candidates(call, 6 + host.length, candidates)
    return choose(call, method, candidates, calls, chosen)?.outcome ?? otherwise
  }

  function matching(url: string): readonly CompiledRule[] {
    const index = url.startsWith('rpc://') ? rpc : http
    const count = index?.candidates(url, hostEnd(url), candidates) ?? 0
    return candidates
      .slice(0, count)
      .flatMap(({ rule }) => (rule.pattern.exec(url) === undefined ? [] : [rule]))
  }

  return { revision, rules, writes, fallback, find, matching }
}

/** Where the path begins. */
function hostEnd(url: string): number {
  const slash = url.indexOf('/', url.indexOf('://') + 3)
  return slash < 0 ? url.length : slash
}

/** A call of gRPC or, as Oathkeeper's middleware knows them, of Connect, whose calls without effects may be GETs. */
function isRpc(request: RequestView, method: string): boolean {
  if (method === 'GET') return /(?:^|&)connect=v1(?:&|$)/.test(request.query)
  if (method !== 'POST') return false
  const type = request.header('content-type') ?? ''
  return (
    /^application\/(?:grpc|connect\+)/.test(type) || request.header('connect-protocol-version') !== undefined
  )
}
