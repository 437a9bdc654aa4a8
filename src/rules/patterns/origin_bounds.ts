/** Finds where scheme, host and path of a pattern meet. */
import { analyzeFragment } from './fragment_analysis.ts'
import type { Part } from './syntax.ts'

export interface OriginBounds {
  /** Index of the part with `://`. */
  readonly schemeEnd: number
  /** Offset in that part at which the host starts. */
  readonly hostStart: number
  /** Index of the part with the slash that starts the path; the number of parts if no literal slash ends the host. */
  readonly pathPart: number
  /** Offset of that slash in its part. */
  readonly pathStart: number
}

/** Returns `undefined` if no literal part contains `://`. */
export function findOriginBounds(parts: readonly Part[]): OriginBounds | undefined {
  for (const [schemeEnd, part] of parts.entries()) {
    const at = part.kind === 'literal' ? part.text.indexOf('://') : -1
    if (at < 0) continue
    const hostStart = at + 3
    for (let pathPart = schemeEnd; pathPart < parts.length; pathPart++) {
      const other = parts[pathPart] as Part
      const pathStart =
        other.kind === 'literal' ? other.text.indexOf('/', pathPart === schemeEnd ? hostStart : 0) : -1
      if (pathStart >= 0) return { schemeEnd, hostStart, pathPart, pathStart }
    }
    return { schemeEnd, hostStart, pathPart: parts.length, pathStart: 0 }
  }
  return undefined
}

/** Bounds without the host, as if it were part of the path. */
export const schemeOnly = (bounds: OriginBounds): OriginBounds => ({
  ...bounds,
  pathPart: bounds.schemeEnd,
  pathStart: bounds.hostStart,
})

/** A pattern with more hosts is one for any host that starts with what they have in common. */
const MAX_HOSTS = 256

/**
 * The hosts of a pattern whose scheme may be any (`<.*>://app.example.com/`), as far as they are literal, each with a slash at
 * its end if that is all of it. `undefined`: none is literal.
 */
export function literalHosts(parts: readonly Part[]): readonly string[] | undefined {
  const bounds = findOriginBounds(parts)
  if (bounds === undefined) return undefined
  let hosts = ['']
  for (const [i, part] of parts.entries()) {
    if (i < bounds.schemeEnd) continue
    const words =
      part.kind === 'fragment'
        ? analyzeFragment(part).words
        : [part.text.slice(i === bounds.schemeEnd ? bounds.hostStart : 0).replace(/\/.*/s, '/')]
    if (words === undefined || words.length * hosts.length > MAX_HOSTS) break
    hosts = hosts.flatMap(head => words.map(word => head + word))
    if (i >= bounds.pathPart) break
  }
  const named = hosts.filter(host => host !== '')
  return named.length === 0 ? undefined : named
}
