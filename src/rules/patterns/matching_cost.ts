/** Bounds the time that matching a pattern takes. */
import { MAX_URL_CHARS } from '../../access/match_policy.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import type { LiteralPrefixes } from './literal_prefixes.ts'
import { boundSteps, type StepBound } from './path_count.ts'
import { buildPositionAutomaton } from './position_automaton.ts'
import { type Part, patternSource } from './syntax.ts'

export interface MatchingCost {
  /** The cost is at most proportional to the length to this power; `Infinity` if no small power suffices. */
  readonly degree: number
  /** Length (UTF-16 code units) up to which matching takes at most Oathkeeper's 250 ms; `undefined`: every URL does. */
  readonly maxUrlChars: number | undefined
  /** Whether only very short URLs could be matched in time, so that the pattern must not be used. */
  readonly excessive: boolean
  /** Whether every URL is matched within 50 ms. */
  readonly silent: boolean
}

/** V8 takes 3 to 12 ns for a character on a path, for which two steps or more are counted. */
const NS_PER_STEP = 10
const MAX_STEPS = 250e6 / NS_PER_STEP
/** A pattern that can take more is reported. */
const SILENT_STEPS = 50e6 / NS_PER_STEP
/** A pattern that allows for fewer characters after its literal prefix is refused. */
const MIN_CHARS = 64
const MAX_CACHED_BOUNDS = 10_000
const TOO_LARGE: StepBound = { degree: Number.POSITIVE_INFINITY, chars: 0, silent: false }

const boundCache = new Map<string, StepBound>()

/** Bounds the cost of a whole pattern with its literal prefixes. Throws if a fragment cannot be parsed. */
export function matchingCost(parts: readonly Part[], prefixes: LiteralPrefixes): MatchingCost {
  const rest = prefixes.exact ? parts.slice(prefixes.partCount) : parts
  const texts = prefixes.alternatives.map(({ text }) => text)
  // The rest is tried after each prefix that the URL has.
  const tries = Math.max(1, ...texts.map(text => texts.filter(other => text.startsWith(other)).length))
  const { degree, chars, silent } = boundOf(rest, tries)
  const maxUrlChars = chars + (prefixes.exact ? Math.max(0, ...texts.map(text => text.length)) : 0)
  return {
    degree,
    maxUrlChars: maxUrlChars < MAX_URL_CHARS ? maxUrlChars : undefined,
    excessive: chars < MIN_CHARS || degree === Number.POSITIVE_INFINITY,
    silent,
  }
}

function boundOf(parts: readonly Part[], tries: number): StepBound {
  const ignoresCase = parts.map(part => (part.kind === 'fragment' && part.ignoresCase ? 'i' : 's')).join('')
  const key = `${tries}${ignoresCase}${patternSource(parts).source}`
  const cached = boundCache.get(key)
  if (cached !== undefined) return cached
  const automaton = buildPositionAutomaton(
    parts.map(part => (part.kind === 'literal' ? part.text : analyzeFragment(part).asWritten)),
  )
  const bound =
    (automaton === undefined
      ? undefined
      : boundSteps(automaton, {
          maxChars: MAX_URL_CHARS,
          maxSteps: MAX_STEPS / tries,
          silentSteps: SILENT_STEPS / tries,
        })) ?? TOO_LARGE
  if (boundCache.size >= MAX_CACHED_BOUNDS) boundCache.clear()
  boundCache.set(key, bound)
  return bound
}
