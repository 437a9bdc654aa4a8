/** rules/pattern_lower — a fragment in scheme or host, read in lower case as those of requests are. Knows no engine. */
import { foldGlobCase, type GlobNode, globToRegExpSource } from '../../golang/index.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import {
  escapeSource,
  type Fragment,
  type GlobFragment,
  IGNORE_CASE_END,
  IGNORE_CASE_START,
  type PatternLint,
} from './syntax.ts'

/**
 * `<Api|www>` means the host that clients write in whatever case. Only where the words are finitely many: a class that
 * excludes letters would exclude others, too.
 */
export function foldFragmentCase(fragment: Fragment, lints: PatternLint[]): Fragment {
  const analysis = analyzeFragment(fragment)
  const hasUpperCase = (word: string): boolean => /[A-Z]/.test(word)
  const lowerCaseMessage = `"<${fragment.text}>" is read in lower case, as hosts and schemes of requests are`
  if ('glob' in fragment) {
    const glob = foldGlobCase(fragment.glob as GlobNode)
    const source = globToRegExpSource(glob, escapeSource)
    if (source === fragment.text) return fragment
    const message = 'letters of a glob in scheme or host are read in lower case, as those of requests are'
    lints.push({ message, hint: '' })
    return { ...fragment, text: source, source: [source], glob } as GlobFragment
  }
  if (fragment.ignoresCase) return fragment
  if (analysis.words?.some(hasUpperCase) && analysis.isRegular) {
    lints.push({ message: lowerCaseMessage, hint: '' })
    if (fragment.groups.length > 1) {
      return {
        ...fragment,
        source: [IGNORE_CASE_START, ...fragment.source, IGNORE_CASE_END],
        ignoresCase: true,
      }
    }
    const words = new Set(analysis.words.map(word => escapeSource(word.toLowerCase())))
    return { ...fragment, source: [`(${[...words].join('|')})`] }
  }
  return fragment
}
