/** Finds pairs of patterns whose origins and path prefixes allow a common URL. */
import type { MatchPattern } from '../../access/rule.ts'

/** Indexes of the patterns with one path prefix. */
interface PrefixGroup {
  readonly all: number[]
  readonly byOrigin: Map<string, number[]>
  /** Patterns that match any origin. */
  readonly anyOrigin: number[]
}

/** Creates an index of patterns, which are added and returned by their position in `patterns`. */
export function createPrefixIndex(patterns: readonly MatchPattern[]) {
  const groups = new Map<string, PrefixGroup>()
  const patternAt = (index: number) => patterns[index] as MatchPattern

  function* withCompatibleOrigin(
    group: PrefixGroup,
    origins: readonly string[] | undefined,
  ): Generator<number> {
    if (origins === undefined) return yield* group.all
    for (const [i, origin] of origins.entries()) {
      // A pattern with several origins stands in several lists and must be yielded once.
      const earlierOrigins = origins.slice(0, i)
      for (const index of group.byOrigin.get(origin) ?? []) {
        if (!patternAt(index).origins?.some(one => earlierOrigins.includes(one))) yield index
      }
    }
    yield* group.anyOrigin
  }

  return {
    add(index: number): void {
      const { pathPrefix, origins } = patternAt(index)
      const group: PrefixGroup = groups.get(pathPrefix) ?? { all: [], byOrigin: new Map(), anyOrigin: [] }
      groups.set(pathPrefix, group)
      group.all.push(index)
      if (origins === undefined) group.anyOrigin.push(index)
      for (const origin of origins ?? []) {
        const existing = group.byOrigin.get(origin)
        if (existing === undefined) group.byOrigin.set(origin, [index])
        else existing.push(index)
      }
    },
    /**
     * Patterns whose path prefix is a prefix of this pattern's, and whose origins may be the same. Each pair is found once:
     * of two patterns with equal prefixes, only the later one finds the earlier one.
     */
    *candidates(index: number): Generator<number> {
      const { pathPrefix, origins } = patternAt(index)
      for (let length = 0; length <= pathPrefix.length; length++) {
        const group = groups.get(pathPrefix.slice(0, length))
        if (group === undefined) continue
        for (const other of withCompatibleOrigin(group, origins)) {
          if (length < pathPrefix.length || other < index) yield other
        }
      }
    },
  }
}
