/** An immutable set of compiled rules, and how the rule that decides a request is found in it. */
import { indexClaimedHosts } from './claimed_hosts.ts'
import { badRequest, type Denial, noRule } from './denial.ts'
import type { HeaderTwins } from './header_twins.ts'
import type { ForeignCookies } from './identity_cookies.ts'
import { MAX_URL_CHARS, type MatchPolicy, rejectMultiple } from './match_policy.ts'
import type { DenialResponse, Responder } from './pipeline.ts'
import type { RequestView } from './request.ts'
import type { CompiledRule, IndexEntry, RuleMatch } from './rule.ts'
import { createRuleIndex, type RuleIndex } from './rule_index.ts'

/**
 * The rules in force. A reload replaces the whole snapshot; a request is decided by the one it began with.
 */
export interface Snapshot {
  /** Hash of the configuration and rules that the snapshot was made from. */
  readonly revision: string
  readonly rules: readonly CompiledRule[]
  /** Lower-case names of all headers that any rule can set. */
  readonly settableHeaders: ReadonlySet<string>
  /** Other spellings of `settableHeaders`; absent where there are none. */
  readonly headerTwins?: HeaderTwins | undefined
  /** By rule, the cookies that only other rules write; absent where no rule writes cookies. */
  readonly foreignCookies?: ReadonlyMap<CompiledRule, ForeignCookies> | undefined
  /** Render denials of requests that no rule matches. */
  readonly fallbackResponders: readonly Responder[]
  /** The page of a denial that no responder renders, or `undefined` for a client that gets the built-in response. */
  readonly renderForBrowser?:
    | ((denial: Denial, request: RequestView) => DenialResponse | undefined)
    | undefined
  /** The rule that decides the request, or a denial. Never throws. */
  find(request: RequestView): RuleMatch | Denial
}

/** A snapshot that lints can search, too. */
export interface SearchableSnapshot extends Snapshot {
  /** All rules whose pattern matches a URL, whatever their methods; `rpc://…` searches the rules for gRPC. */
  rulesMatchingUrl(url: string): readonly CompiledRule[]
  /** What decides a request that is no gRPC call; the URL is `scheme://host/path` as requests are matched. */
  findByUrl(url: string, method: string): RuleMatch | Denial
}

export interface SnapshotOptions extends Omit<Snapshot, 'find'> {
  /** Absent: `rejectMultiple`, Oathkeeper's policy. */
  readonly matchPolicy?: MatchPolicy
  /**
   * `exact` compares hosts as they were sent, like Oathkeeper; absent: normalized, so that all spellings of a
   * host match.
   */
  readonly hosts?: 'exact' | undefined
  /** What decides a request that no rule matches; absent: a 404 denial, like Oathkeeper's. */
  readonly defaultMatch?: RuleMatch | Denial
}

/**
 * Longest URL with a newline. A dot does not match a newline. A newline can therefore make a pattern backtrack
 * that is fast on every other URL.
 */
const MAX_URL_WITH_NEWLINE_CHARS = 256

export interface SnapshotBuilder {
  /** Adds the next rule in order. */
  add(rule: CompiledRule): void
  /** Makes the snapshot. No rule may be added afterwards. */
  build(options: Omit<SnapshotOptions, 'rules'>): SearchableSnapshot
}

/** A snapshot of all rules at once. */
export function createSnapshot({ rules, ...options }: SnapshotOptions): SearchableSnapshot {
  const builder = createSnapshotBuilder()
  for (const rule of rules) builder.add(rule)
  return builder.build(options)
}

/**
 * Builds a snapshot rule by rule, so that the caller can yield to the event loop between thousands of them.
 */
export function createSnapshotBuilder(): SnapshotBuilder {
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
    build: options => createSearchableSnapshot({ ...options, rules }, http, rpc),
  }
}

function createSearchableSnapshot(
  {
    revision,
    rules,
    settableHeaders,
    headerTwins,
    foreignCookies,
    fallbackResponders,
    renderForBrowser,
    hosts,
    matchPolicy = rejectMultiple,
    defaultMatch = noRule(),
  }: SnapshotOptions,
  http: RuleIndex,
  rpc: RuleIndex | undefined,
): SearchableSnapshot {
  /** Overwritten by each search. Searches are synchronous, so they can share it. */
  const candidates: IndexEntry[] = []

  const claimedHosts = hosts === 'exact' ? undefined : indexClaimedHosts(rules)

  function find(request: RequestView): RuleMatch | Denial {
    const outcome = findRule(request)
    return outcome.kind === 'found' && claimedHosts?.evades(outcome.rule, request.host)
      ? badRequest('the host has a port, and a rule names it without one')
      : outcome
  }

  function findRule(request: RequestView): RuleMatch | Denial {
    const { scheme, path } = request
    const host = hosts === 'exact' ? request.authority : request.host
    const url = `${scheme}://${host}${path}`
    if (url.length > MAX_URL_WITH_NEWLINE_CHARS && (url.length > MAX_URL_CHARS || url.includes('\n'))) {
      return badRequest('the URL is too long')
    }
    const method = request.method.toUpperCase()
    const count = http.collectCandidates(url, scheme.length + 3 + host.length, candidates)
    const selection = matchPolicy(url, method, candidates, count, undefined)
    if (rpc === undefined || !isRpcCall(request, method)) return selection?.outcome ?? defaultMatch
    const rpcUrl = `rpc://${host}${path}`
    const rpcCount = rpc.collectCandidates(rpcUrl, 6 + host.length, candidates)
    return matchPolicy(rpcUrl, method, candidates, rpcCount, selection)?.outcome ?? defaultMatch
  }

  function rulesMatchingUrl(url: string): readonly CompiledRule[] {
    const index = url.startsWith('rpc://') ? rpc : http
    const count = index?.collectCandidates(url, pathStart(url), candidates) ?? 0
    return candidates
      .slice(0, count)
      .flatMap(({ rule }) => (rule.pattern.exec(url) === undefined ? [] : [rule]))
  }

  function findByUrl(url: string, method: string): RuleMatch | Denial {
    const count = http.collectCandidates(url, pathStart(url), candidates)
    return matchPolicy(url, method, candidates, count, undefined)?.outcome ?? defaultMatch
  }

  return {
    revision,
    rules,
    settableHeaders,
    headerTwins,
    foreignCookies,
    fallbackResponders,
    renderForBrowser,
    find,
    rulesMatchingUrl,
    findByUrl,
  }
}

/** Index at which the path of a URL begins. */
function pathStart(url: string): number {
  const slash = url.indexOf('/', url.indexOf('://') + 3)
  return slash < 0 ? url.length : slash
}

/**
 * Whether the request is a call of gRPC or of Connect, as Oathkeeper's middleware recognises them. Connect
 * sends calls without side effects as GETs.
 */
function isRpcCall(request: RequestView, method: string): boolean {
  if (method === 'GET') return /(?:^|&)connect=v1(?:&|$)/.test(request.query)
  if (method !== 'POST') return false
  const type = request.header('content-type') ?? ''
  return (
    /^application\/(?:grpc|connect\+)/.test(type) || request.header('connect-protocol-version') !== undefined
  )
}
