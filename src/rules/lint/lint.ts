/** rules/lint — what rules say without meaning it: ids, methods, patterns that no request matches, pairs that collide. Knows rules as written and compiled, no file. */

import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Issue, Path } from '../../documents/issue.ts'
import type { Breathe } from '../../lib/yield_to_event_loop.ts'
import type { PlacedRule } from '../parse.ts'
import { createWords, type Words } from '../patterns/automata.ts'
import type { CompiledPattern, ReadPattern } from '../patterns/pattern.ts'
import type { Asked } from '../patterns/request_url.ts'
import { reachOf } from '../patterns/witness.ts'
import { findOverlaps } from './overlap.ts'
import { findShadowed } from './shadowed.ts'

export type Report = (severity: Issue['severity'], path: Path, message: string, hint?: string) => void

export interface LintParts {
  readonly paths: Asked['paths']
  readonly hosts: Asked['hosts']
  /** Where the first of several rules decides, overlaps are meant. */
  readonly several: 'refuse' | 'first'
  readonly breathe: Breathe
}

export interface Linter {
  /** Of one rule as written; to be called in order. */
  rule(placed: PlacedRule, report: Report): void
  /** Of one rule whose pattern could be compiled. */
  pattern(placed: PlacedRule, rule: CompiledRule, made: CompiledPattern, report: Report): void
  /** Of all rules together, once they are a snapshot. */
  set(snapshot: SearchableSnapshot): Promise<void>
}

/** For one compile. */
export function createLinter({ paths, hosts, several, breathe }: LintParts): Linter {
  const words: Words = createWords()
  const firstPlaces = new Map<string, string>()
  const examined: Seen[] = []
  return {
    rule(placed, report) {
      lintId(placed, firstPlaces, report)
      lintMatch(placed, report)
    },
    pattern(placed, rule, { pattern, lints, read }, report) {
      for (const lint of lints) report('warning', pathOf(rule), lint.message, lint.hint)
      const { urls, dead } = reachOf(
        { pattern, lints, read },
        { paths, hosts, rpc: rule.rpc === true },
        words,
      )
      if (dead && !lints.some(lint => lint.message.includes(NEVER))) {
        report('warning', pathOf(rule), `the pattern ${NEVER}: no request has such a URL`, HINT)
      }
      examined.push({ rule, read, urls, placed, report })
    },
    async set(snapshot) {
      if (several === 'first') {
        for (const { earlier, later } of await findShadowed({
          rules: examined,
          snapshot,
          paths,
          hosts,
          breathe,
        })) {
          const { rule, report } = examined[later] as Seen
          const message = `is never reached: ${nameOf(examined[earlier] as Seen)} comes before it and matches all that it matches`
          report('warning', pathOf(rule), message, 'put the narrower rule first')
        }
        return
      }
      const overlaps = await findOverlaps({ rules: examined, snapshot, paths, hosts, words, breathe })
      for (const { earlier, later, method, url, more } of overlaps) {
        const { rule, report } = examined[later] as Seen
        const others = more === 0 ? '' : `; it also overlaps with ${more} other${more === 1 ? '' : 's'}`
        const message = `overlaps with ${nameOf(examined[earlier] as Seen)}: ${method} ${url} matches both, and is answered with 500${others}`
        report('warning', pathOf(rule), message, 'let exactly one rule match each request')
      }
    },
  }
}

interface Seen {
  readonly rule: CompiledRule
  readonly read: ReadPattern
  readonly urls: readonly string[]
  readonly placed: PlacedRule
  readonly report: Report
}

const NEVER = 'never matches'
const HINT = 'look at host, slashes and classes: nothing passes all of them'

const pathOf = ({ rpc }: CompiledRule): Path => ['match', rpc ? 'full_method' : 'url']

function nameOf({ rule, placed: { place } }: Seen): string {
  const { line } = place.at([])
  return rule.id === '' ? `the rule at ${place.source}:${line}` : `"${rule.id}" (${place.source}:${line})`
}

/** Ids need be neither present nor unique, but whoever reads logs wants both. */
function lintId({ rule, place }: PlacedRule, seen: Map<string, string>, report: Report): void {
  if (rule.id === '') {
    report('warning', [], 'the rule has no id', 'give it one: logs, metrics and /rules name rules by id')
    return
  }
  const first = seen.get(rule.id)
  const here = place.at(['id'])
  if (first === undefined) seen.set(rule.id, `${place.source}:${here.line}`)
  else report('warning', ['id'], `duplicate id "${rule.id}", first used at ${first}`)
}

/** As requests are read: what is none is refused before any rule is asked. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/
/** Words that people mean as "any method"; they are names of methods that nobody uses. */
const EVERY = /^(?:\*|any|all)$/i

function lintMatch({ rule: { match } }: PlacedRule, report: Report): void {
  if (match === undefined) return
  const at = (key: string): Path => ['match', key]
  if (match.fullMethod !== undefined) {
    if (match.methods !== undefined)
      report('warning', at('methods'), 'without effect beside full_method', 'leave it out')
    if (match.url !== '') report('warning', at('url'), 'without effect beside full_method', 'leave it out')
    return
  }
  if (match.authority !== undefined)
    report('warning', at('authority'), 'without effect unless full_method is set')
  if (match.allowHttpGet) report('warning', at('allow_http_get'), 'without effect unless full_method is set')
  const methods = match.methods ?? []
  if (methods.length === 0) {
    report('warning', at('methods'), 'no methods: the rule matches nothing', 'list them: [GET, POST]')
  }
  for (const [i, method] of methods.entries()) {
    const path: Path = [...at('methods'), i]
    if (!METHOD.test(method)) {
      report(
        'warning',
        path,
        `"${method}" is no method: no request has it`,
        'list each by itself: [GET, POST]',
      )
    } else if (EVERY.test(method)) {
      report(
        'warning',
        path,
        `"${method}" is a method by that name, not any method`,
        'list those that you mean',
      )
    }
  }
}
