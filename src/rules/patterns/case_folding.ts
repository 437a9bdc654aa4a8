/** Folds the case of fragments in scheme or host, since requests have both in lower case. */
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
 * Makes `<Api|www>` match `api`. Only fragments with finitely many words are changed: lower-casing a class that excludes
 * upper-case letters would exclude lower-case ones instead.
 */
export function foldFragmentCase(fragment: Fragment, lints: PatternLint[]): Fragment {
  const analysis = analyzeFragment(fragment)
  const hasUpperCase = (word: string): boolean => /[A-Z]/.test(word)
  const lowerCaseMessage = `"<${fragment.text}>" is lower-cased, like hosts and schemes of requests`
  if ('glob' in fragment) {
    const glob = foldGlobCase(fragment.glob as GlobNode)
    const source = globToRegExpSource(glob, escapeSource)
    if (source === fragment.text) return fragment
    const message = 'letters of a glob in scheme or host are lower-cased, like those of requests'
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
