/** Reads the parts of a Markdown file that the checks need: the kind of each line, links, and anchors. */

/** `front` is a YAML block at the top; `code` includes the fences; `comment` is an HTML comment. */
type LineKind = 'text' | 'heading' | 'table' | 'code' | 'comment'

export interface MarkdownLine {
  /** Counts from 1. */
  readonly number: number
  readonly kind: LineKind
  readonly text: string
}

export interface Link {
  readonly line: number
  readonly target: string
}

/** Classifies the lines of a Markdown file. Indented code counts as text, because lists are indented, too. */
export function readLines(text: string): MarkdownLine[] {
  let fence: string | undefined
  let inComment = false
  return text.split(/\r?\n/).map((line, index): MarkdownLine => {
    const number = index + 1
    const marker = /^\s*(?:>\s*)*(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence !== undefined) {
      if (marker?.startsWith(fence)) fence = undefined
      return { number, kind: 'code', text: line }
    }
    if (marker !== undefined) {
      fence = marker
      return { number, kind: 'code', text: line }
    }
    if (inComment || line.trimStart().startsWith('<!--')) {
      inComment = !line.includes('-->')
      return { number, kind: 'comment', text: line }
    }
    if (/^\s*\|/.test(line)) return { number, kind: 'table', text: line }
    return { number, kind: /^ {0,3}#{1,6}\s/.test(line) ? 'heading' : 'text', text: line }
  })
}

/** Returns the targets of inline links, images, reference definitions, and `href` and `src` attributes. */
export function readLinks(lines: readonly MarkdownLine[]): Link[] {
  return lines.flatMap(({ number, kind, text }) => {
    if (kind === 'code' || kind === 'comment') return []
    const prose = withoutCodeSpans(text)
    const targets = [
      ...prose.matchAll(/\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+["'(][^)]*)?\s*\)/g),
      ...prose.matchAll(/^\s*\[[^\]]+\]:\s+<?([^\s>]+)/g),
      ...prose.matchAll(/\b(?:href|src)="([^"]*)"/g),
    ]
    return targets.map(match => ({ line: number, target: match[1] as string }))
  })
}

/** Returns the anchors that GitHub creates for headings, and those that the file sets with `id` or `name`. */
export function readAnchors(lines: readonly MarkdownLine[]): Set<string> {
  const anchors = new Set<string>()
  const uses = new Map<string, number>()
  for (const { kind, text } of lines) {
    if (kind === 'code' || kind === 'comment') continue
    for (const match of text.matchAll(/<[a-z]+\s[^>]*\b(?:id|name)="([^"]+)"/g))
      anchors.add(match[1] as string)
    if (kind !== 'heading') continue
    const slug = slugOf(text.replace(/^\s*#+\s+/, '').replace(/\s+#*\s*$/, ''))
    const used = uses.get(slug) ?? 0
    uses.set(slug, used + 1)
    anchors.add(used === 0 ? slug : `${slug}-${used}`)
  }
  return anchors
}

/** GitHub's anchor of a heading: lower case, no punctuation except `-` and `_`, spaces as hyphens. */
export function slugOf(heading: string): string {
  return heading
    .replace(/<[^>]+>/g, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-')
}

function withoutCodeSpans(text: string): string {
  return text.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, span => ' '.repeat(span.length))
}
