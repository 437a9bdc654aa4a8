/** Finds guarded rules whose path is open when a trailing slash is added or left out, because another rule decides there. */
import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import type { WordFinder } from '../patterns/automata.ts'
import type { ParsedPattern } from '../patterns/pattern.ts'
import { type RequestUrlOptions, requestUrlPredicate } from '../patterns/request_url.ts'
import { type Part, patternSource } from '../patterns/syntax.ts'
import { partsAfterPrefix, spellOut } from '../patterns/witness.ts'
import type { AnalyzedRule } from './overlap.ts'

export interface OpenTwin {
  /** Index in `rules` of the guarded rule. */
  readonly guarded: number
  /** The rule that lets in requests without a credential. */
  readonly open: CompiledRule
  readonly method: string
  /** A URL that the open rule decides. */
  readonly url: string
}

export interface OpenTwinDependencies {
  readonly rules: readonly AnalyzedRule[]
  readonly snapshot: SearchableSnapshot
  readonly wordFinder: WordFinder
  readonly paths: RequestUrlOptions['paths']
  readonly hosts: RequestUrlOptions['hosts']
  /** Called between rules. */
  readonly yieldToEventLoop: Yielder
}

/**
 * Finds at most one URL for each guarded rule. It tries some URLs of the guarded rule, and then some of the open rules, whose
 * hosts and segments a wildcard of the guarded rule may stand for. The snapshot finds the rule as it does for a request.
 */
export async function findOpenTwins(dependencies: OpenTwinDependencies): Promise<readonly OpenTwin[]> {
  const { rules, snapshot, wordFinder, paths, hosts, yieldToEventLoop } = dependencies
  const isRequestUrl = requestUrlPredicate({ paths, hosts, rpc: false })
  const found = new Map<number, OpenTwin>()
  const withFragments = new Map<CompiledRule, { readonly index: number; isRoot(url: string): boolean }>()
  for (const [index, { rule, parsed }] of rules.entries()) {
    if (rule.rpc === true || isOpen(rule) || !namesWhatItEndsIn(parsed)) continue
    const isRoot = rootPredicate(parsed)
    if (partsAfterPrefix(parsed).length > 1) withFragments.set(rule, { index, isRoot })
    for (const url of twinUrls(parsed, wordFinder)) {
      // The index first: it finds nothing for most URLs, and a root is an expression that V8 has to compile.
      const twin = openTwin(rule, url, snapshot)
      if (twin === undefined || !isRequestUrl(url) || !isRoot(toggleSlash(url))) continue
      found.set(index, { guarded: index, ...twin })
      break
    }
    await yieldToEventLoop()
  }
  for (const { rule, witnesses } of rules) {
    if (rule.rpc === true || !isOpen(rule)) continue
    for (const url of witnesses) {
      for (const guardedUrl of [toggleSlash(url), `${url}/a`].filter(isRequestUrl)) {
        for (const other of snapshot.rulesMatchingUrl(guardedUrl)) {
          const guarded = withFragments.get(other)
          if (guarded === undefined || found.has(guarded.index) || !guarded.isRoot(toggleSlash(url))) continue
          const twin = openTwin(other, url, snapshot)
          if (twin !== undefined) found.set(guarded.index, { guarded: guarded.index, ...twin })
        }
      }
    }
    await yieldToEventLoop()
  }
  return [...found.values()].sort((a, b) => a.guarded - b.guarded)
}

function openTwin(
  rule: CompiledRule,
  url: string,
  snapshot: SearchableSnapshot,
): Omit<OpenTwin, 'guarded'> | undefined {
  for (const method of rule.methods) {
    const decisive = snapshot.findByUrl(url, method)
    if (decisive.kind !== 'found' || !isOpen(decisive.rule)) continue
    return rule.pattern.exec(url) === undefined ? { open: decisive.rule, method, url } : undefined
  }
  return undefined
}

/** Whether a request without any credential is allowed: `remote_json` and others ask a service, which may deny. */
function isOpen({ authenticators, steps }: CompiledRule): boolean {
  const decides = authenticators.find(
    ({ id }) => id === 'noop' || id === 'anonymous' || id === 'unauthorized',
  )
  return decides !== undefined && decides.id !== 'unauthorized' && steps[0]?.id === 'allow'
}

/**
 * For `https://h/a/<.*>` URLs without the slash, and for `https://h/a` those with it. The root has no twin. Of several
 * fragments, each is spelled out in a few ways.
 */
function twinUrls(parsed: ParsedPattern, wordFinder: WordFinder): readonly string[] {
  const parts = partsAfterPrefix(parsed)
  const root = beforeTail(parts)
  const middles = spellOut(root, wordFinder)
  const texts = parsed.prefixes.alternatives.flatMap(({ text }) => middles.map(middle => text + middle))
  return root === parts
    ? texts.map(toggleSlash)
    : texts.filter(text => text.endsWith('/')).map(text => text.slice(0, -1))
}

const toggleSlash = (url: string): string => (url.endsWith('/') ? url.slice(0, -1) : `${url}/`)

/** Whether a URL is where a pattern ends, but for a fragment after its last slash: an exception below is intended. */
function rootPredicate({ parts }: ParsedPattern): (url: string) => boolean {
  let root: RegExp | undefined
  return url => {
    root ??= new RegExp(`^(?:${patternSource(beforeTail(parts)).source})$`, 'v')
    return root.test(url)
  }
}

const beforeTail = (parts: readonly Part[]): readonly Part[] =>
  parts.at(-1)?.kind === 'fragment' ? parts.slice(0, -1) : parts

/**
 * False for `https://h/<[^/]+>/<.*>`: one segment is not a twin of all that is below any segment. A pattern with a literal
 * prefix names its path, if only the root.
 */
function namesWhatItEndsIn(parsed: ParsedPattern): boolean {
  const parts = partsAfterPrefix(parsed)
  const last = parts.findLast(part => part.kind === 'literal')
  return parts.length < 2 || (last !== undefined && /[^/]/.test(last.text))
}
