/** Finds guarded rules whose path is open when a trailing slash is added or left out, because another rule decides there. */
import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import type { ParsedPattern } from '../patterns/pattern.ts'
import { type RequestUrlOptions, requestUrlPredicate } from '../patterns/request_url.ts'
import { partsAfterPrefix } from '../patterns/witness.ts'
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
  readonly paths: RequestUrlOptions['paths']
  readonly hosts: RequestUrlOptions['hosts']
  /** Called between rules. */
  readonly yieldToEventLoop: Yielder
}

/**
 * Finds at most one URL for each guarded rule. The snapshot finds the rule as it does for a request; patterns with several fragments are not examined.
 */
export async function findOpenTwins(dependencies: OpenTwinDependencies): Promise<readonly OpenTwin[]> {
  const { rules, snapshot, paths, hosts, yieldToEventLoop } = dependencies
  const isRequestUrl = requestUrlPredicate({ paths, hosts, rpc: false })
  const found: OpenTwin[] = []
  for (const [guarded, { rule, parsed }] of rules.entries()) {
    if (rule.rpc === true || isOpen(rule)) continue
    const twin = firstOpenTwin(rule, twinUrls(parsed).filter(isRequestUrl), snapshot)
    if (twin !== undefined) found.push({ guarded, ...twin })
    await yieldToEventLoop()
  }
  return found
}

function firstOpenTwin(
  rule: CompiledRule,
  urls: readonly string[],
  snapshot: SearchableSnapshot,
): Omit<OpenTwin, 'guarded'> | undefined {
  for (const url of urls) {
    for (const method of rule.methods) {
      const decisive = snapshot.findByUrl(url, method)
      if (decisive.kind === 'found' && decisive.rule !== rule && isOpen(decisive.rule))
        return { open: decisive.rule, method, url }
    }
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
 * For `https://h/a/<.*>` the path without the slash, and for the literal `https://h/a` the path with it. The root has no
 * twin.
 */
function twinUrls(parsed: ParsedPattern): readonly string[] {
  const texts = parsed.prefixes.alternatives.map(({ text }) => text)
  const [next, ...more] = partsAfterPrefix(parsed)
  if (more.length > 0) return []
  if (next === undefined) return texts.map(text => (text.endsWith('/') ? text.slice(0, -1) : `${text}/`))
  return texts.filter(text => text.endsWith('/')).map(text => text.slice(0, -1))
}
