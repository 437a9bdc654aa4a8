/** Lints scheme, host and path of a pattern: what never matches a request, and what matches more than it seems to. */
import { DEFAULT_PORTS } from '../../http/authority.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import type { OriginBounds } from './origin_bounds.ts'
import type { Fragment, Part, PatternLint } from './syntax.ts'

/** `words` are all schemes that the pattern can match. */
export function lintScheme(words: readonly string[]): PatternLint[] {
  if (words.some(word => word === 'http' || word === 'https')) return []
  if (words.every(word => !DEFAULT_PORTS.has(word)))
    return [neverMatches(`its scheme is not http or https but "${words.join('", "')}"`)]
  return [
    {
      message: 'its scheme is ws or wss, which Envoy never sends: only gateways that call /decisions do',
      hint: 'write <https|wss> to match both',
    },
  ]
}

/** A fragment in the host should match neither slashes nor arbitrary characters. */
export function lintHostFragment(fragment: Fragment): PatternLint[] {
  const analysis = analyzeFragment(fragment)
  const lints: PatternLint[] = []
  // A dot alone would be the cause: the lint below says so, and <[^/]*> would open the rule to every host.
  const isWrittenHost = WRITTEN_HOST.test(fragment.text)
  if (analysis.canContainSlash && !analysis.startsWithSlash && !isWrittenHost) {
    lints.push({
      message: `"<${fragment.text}>" in the host also matches slashes, and so part of a path`,
      hint: 'exclude them, for example <[^/]*>',
    })
  }
  if (hasBareDot(fragment.text)) {
    lints.push({
      message: `"<${fragment.text}>" in the host has a dot that matches any character`,
      hint: 'write \\. to match a dot',
    })
  }
  return lints
}

/** Letters, dots and choices, as users write hosts. */
const WRITTEN_HOST = /^[\w.\-|()?:]*$/

const hasBareDot = (text: string): boolean =>
  !text.startsWith('(?:') && /(?:^|[^\\])\.(?![*+?{])/.test(text.replace(/\[[^\]]*\]/g, ''))

/** A fragment that contains scheme and host, as in `<https://app.example.com/.*>`. */
export function lintWholeUrl(fragment: Fragment): PatternLint[] {
  const host = /^https?:\/\/([^/]*)/.exec(fragment.text)?.[1]
  if (host === undefined || !hasBareDot(host)) return []
  return [
    {
      message: `"<${fragment.text}>" has a dot in the host that matches any character`,
      hint: 'delimit only what is an expression: https://app.example.com/<.*>',
    },
  ]
}

/** A host of a request has letters, digits and `._-:[]` only; others are rejected before any rule is evaluated. */
export function lintLiteralHost(parts: readonly Part[], bounds: OriginBounds, lints: PatternLint[]): void {
  for (const [i, part] of parts.entries()) {
    if (part.kind !== 'literal' || i < bounds.schemeEnd || i > bounds.pathPart) continue
    const from = i === bounds.schemeEnd ? bounds.hostStart : 0
    const invalid = /[^a-z0-9._\-:[\]]/i.exec(
      part.text.slice(from, i === bounds.pathPart ? bounds.pathStart : undefined),
    )?.[0]
    if (invalid === undefined) continue
    const hint = invalid === '*' ? 'write <[^/]+> for any host' : ''
    lints.push(neverMatches(`its host contains "${invalid}", and the host of a request never does`, hint))
  }
}

/** `https://h<.*>` also matches `https://h.example.org/`. */
export function lintOpenHost(parts: readonly Part[], bounds: OriginBounds, lints: PatternLint[]): void {
  if (bounds.pathPart < parts.length) return
  const last = parts.at(-1)
  if (last?.kind !== 'fragment' || analyzeFragment(last).startsWithSlash) return
  lints.push({
    message: 'no slash ends the host, so hosts that start with this one match as well',
    hint: 'put a slash before the last fragment',
  })
}

/**
 * What is an expression or a wildcard elsewhere. A path may contain parentheses, `+` and `$`, so these count where
 * an expression would have them only. Takes linear time: rules may come from other teams, and a load must not hang.
 */
const OUTSIDE_SIGN = /\{\w*\}|\*+|\(\?|\[[^\][]*\]\+?|\\.|[|^]|\.\+|\)\+|\$$|(?<=\/):[A-Za-z_]\w*/

/** Reports literal paths that no normalized path contains. */
export function lintPath(
  parts: readonly Part[],
  { pathPart, pathStart }: OriginBounds,
  lints: PatternLint[],
): void {
  for (const [i, part] of parts.entries()) {
    if (part.kind !== 'literal' || i < pathPart) continue
    const path = i === pathPart ? part.text.slice(pathStart) : part.text
    if (/[?#]/.test(path)) {
      lints.push({
        message: 'the query and the part after # of a URL are not matched',
        hint: 'remove it',
      })
    }
    const ends = i === parts.length - 1
    if (/\/\/|\/\.\.?\//.test(path) || (ends && /\/\.\.?$/.test(path))) {
      lints.push(neverMatches('requests with "//", "/./" or "/../" in the path are rejected'))
    }
    const escaped = /(?:%[0-9a-f]{2})+/i.exec(path)?.[0]
    if (escaped !== undefined) {
      lints.push({
        message: `paths are decoded before they are matched, so "${escaped}" never matches`,
        hint: `write ${describeDecoded(escaped)}`,
      })
    }
    const wildcard = OUTSIDE_SIGN.exec(ends ? path : `${path} `)?.[0]
    if (wildcard !== undefined) {
      lints.push({
        message: `"${wildcard}" outside of <…> is literal text`,
        hint: 'write <[^/]+> for one segment, <.*> for anything (with the glob strategy <*> and <**>)',
      })
    }
  }
}

function describeDecoded(escapes: string): string {
  try {
    return JSON.stringify(decodeURIComponent(escapes))
  } catch {
    return 'the character itself'
  }
}

export const neverMatches = (reason: string, hint = ''): PatternLint => ({
  message: `the pattern never matches: ${reason}`,
  hint,
})
