/** Finds which rules a reload adds, removes and changes. */
import { canonicalJson } from '../lib/merge.ts'
import type { Yielder } from '../lib/yield_to_event_loop.ts'
import type { AccessRule } from './document.ts'

/** Ids of rules, each in the order of the rules. A rule that only moved is not listed. */
export interface RuleChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

export const NO_RULE_CHANGES: RuleChanges = Object.freeze({ added: [], removed: [], changed: [] })

/**
 * Compares rules as written: the form of the document does not count. Of several rules with one id, the first is compared with
 * the first.
 */
export async function compareRules(
  before: readonly AccessRule[],
  after: readonly AccessRule[],
  yieldToEventLoop: Yielder,
): Promise<RuleChanges> {
  if (before === after) return NO_RULE_CHANGES
  const remaining = Map.groupBy(before, rule => rule.id)
  const added: string[] = []
  const changed: string[] = []
  for (const rule of after) {
    const previous = remaining.get(rule.id)?.shift()
    if (previous === undefined) added.push(rule.id)
    // An unchanged document keeps its decoded rules, so most rules are the same objects.
    else if (previous !== rule && canonicalJson(previous) !== canonicalJson(rule)) changed.push(rule.id)
    await yieldToEventLoop()
  }
  const removed = [...remaining.values()].flat().map(({ id }) => id)
  return { added, removed, changed }
}
