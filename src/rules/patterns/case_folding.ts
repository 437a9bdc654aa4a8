/** rules/pattern_lower — a fragment in scheme or host, read in lower case as those of requests are. Knows no engine. */
import { type GlobNode, globSource, lowerGlob } from '../../golang/index.ts'
import { shapeOf } from './fragment_analysis.ts'
import { type Fragment, type GlobFragment, HEED_CASE, IGNORE_CASE, type Lint, quote } from './syntax.ts'

/**
 * `<Api|www>` means the host that clients write in whatever case. Only where the words are finitely many: a class that
 * excludes letters would exclude others, too.
 */
export function lowerFragment(fragment: Fragment, lints: Lint[]): Fragment {
  const shape = shapeOf(fragment)
  const upper = (word: string): boolean => /[A-Z]/.test(word)
  const lowered = `"<${fragment.text}>" is read in lower case, as hosts and schemes of requests are`
  if ('glob' in fragment) {
    const glob = lowerGlob(fragment.glob as GlobNode)
    const source = globSource(glob, quote)
    if (source === fragment.text) return fragment
    const message = 'letters of a glob in scheme or host are read in lower case, as those of requests are'
    lints.push({ message, hint: '' })
    return { ...fragment, text: source, source: [source], glob } as GlobFragment
  }
  if (fragment.ignoresCase) return fragment
  if (shape.words?.some(upper) && shape.plain) {
    lints.push({ message: lowered, hint: '' })
    if (fragment.groups.length > 1) {
      return { ...fragment, source: [IGNORE_CASE, ...fragment.source, HEED_CASE], ignoresCase: true }
    }
    const words = new Set(shape.words.map(word => quote(word.toLowerCase())))
    return { ...fragment, source: [`(${[...words].join('|')})`] }
  }
  return fragment
}
