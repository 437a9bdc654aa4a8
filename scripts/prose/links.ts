/** Finds relative links in Markdown whose file or anchor does not exist, and names of pages that do not exist. */
import { posix } from 'node:path'
import { readAnchors, readLines, readLinks } from './markdown.ts'
import type { Problem, TextFile } from './problem.ts'

/**
 * `exists` answers for a path relative to the root, folders included. Links with a scheme are not checked: a check
 * must not depend on the network.
 */
export function findBrokenLinks(files: readonly TextFile[], exists: (path: string) => boolean): Problem[] {
  const pages = files.filter(file => file.path.endsWith('.md'))
  const anchors = new Map(pages.map(page => [page.path, readAnchors(readLines(page.text))]))
  return pages.flatMap(page =>
    readLinks(readLines(page.text)).flatMap(({ line, target }): Problem[] => {
      if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) return []
      const [rawPath = '', rawAnchor] = target.split('#', 2)
      const linked = resolvePath(page.path, decode(rawPath))
      if (rawPath !== '' && !exists(linked)) {
        return [{ path: page.path, line, message: `broken link: ${target} (no file ${linked})` }]
      }
      const known = anchors.get(linked)
      if (rawAnchor === undefined || known === undefined || known.has(decode(rawAnchor))) return []
      return [{ path: page.path, line, message: `broken link: ${linked} has no anchor #${rawAnchor}` }]
    }),
  )
}

/** Finds names such as `docs/rules.md` in comments and messages of any file where no such page exists. */
export function findMissingPages(files: readonly TextFile[], exists: (path: string) => boolean): Problem[] {
  return files.flatMap(file =>
    file.text.split(/\r?\n/).flatMap((text, index) =>
      [...text.matchAll(/(?<![\w./-])docs\/[\w./-]+\.md\b/g)]
        .map(match => match[0])
        .filter(page => !exists(page))
        .map(page => ({ path: file.path, line: index + 1, message: `names ${page}, which does not exist` })),
    ),
  )
}

/** A path that begins with `/` counts from the root of the repository, as on GitHub. */
function resolvePath(page: string, path: string): string {
  if (path === '') return page
  const joined = path.startsWith('/') ? path.slice(1) : posix.join(posix.dirname(page), path)
  return posix.normalize(joined).replace(/\/$/, '')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
