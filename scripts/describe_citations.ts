/** Fills the column "Tests" of docs/oathkeeper.md and docs/security-cases.md with the tests that cite each number. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** More links than these make a row unreadable; the number of the others follows them. */
const MAX_LINKS_PER_ROW = 3

/** Number of a behavior of Oathkeeper, of another difference, or of a security case. */
const NUMBER = /(?:Q-\d{2}|P\d{1,2}|[A-J]\d{1,2}b?)/.source

/** A list of numbers in parentheses, as in the name of a test: `(Q-37, D2)`. */
const IN_PARENTHESES = new RegExp(`\\((${NUMBER}(?:(?:, | and |–)${NUMBER})*)(?=[):,])`, 'g')
/** A number at the beginning of a string, as in a table of tests: `'A4 an escaped dot'`. */
const AT_START_OF_STRING = new RegExp(`['"\`](${NUMBER})(?=['"\`: ,])`, 'g')
/** The key `case` of a scenario. */
const OF_SCENARIO = new RegExp(`\\bcase: ["']?(${NUMBER}(?:, ${NUMBER})*)`, 'g')
/** A citation with the name of the page: `docs/security-cases.md, H3`. */
const WITH_PAGE = new RegExp(`(?:oathkeeper|security-cases)\\.md, (${NUMBER}(?:(?:, | and )${NUMBER})*)`, 'g')
/** A number of Oathkeeper's behavior is unmistakable wherever it stands. */
const OATHKEEPER_NUMBER = /\b(Q-\d{2})\b/g

/** Returns the numbers that a text cites. Security cases count only in one of the forms above: `B2` is a word, too. */
export function findCitations(text: string): Set<string> {
  const forms = [IN_PARENTHESES, AT_START_OF_STRING, OF_SCENARIO, WITH_PAGE, OATHKEEPER_NUMBER]
  const lists = forms.flatMap(form => [...text.matchAll(form)].map(match => match[1] as string))
  return new Set(lists.flatMap(list => list.match(new RegExp(NUMBER, 'g')) ?? []))
}

/** Returns the test files, relative to the root, by the number that they cite. Both are sorted. */
export function readTestsByNumber(): Map<string, string[]> {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map(file => `test/${file.replaceAll('\\', '/')}`)
    .filter(file =>
      /\.test\.ts$|^test\/scenarios\/.*\.yaml$|^test\/conformance\/cases\/.*\.jsonl$|^test\/conformance\/ledger\.ts$/.test(
        file,
      ),
    )
    .filter(file => !file.startsWith('test/scripts/') && !file.startsWith('test/docs/'))
    .sort()
  const tests = new Map<string, string[]>()
  for (const file of files) {
    for (const number of findCitations(readFileSync(join(root, file), 'utf8'))) {
      tests.set(number, [...(tests.get(number) ?? []), file])
    }
  }
  return tests
}

/** Returns the page with the last cell of every row that begins with an anchor rewritten; `none` if no test cites it. */
export function withTests(page: string, tests: ReadonlyMap<string, readonly string[]>, none: string): string {
  return page.replace(
    /^(\| <a id="[^"]+"><\/a>(\S+) \|.*\|)[^|]*\|$/gm,
    (_row, start: string, number: string) => {
      const files = tests.get(number) ?? []
      // One link for all recorded cases, which are many files, and after the tests that were written by hand.
      const recorded = files.some(file => file.startsWith('test/conformance/cases/'))
      const written = files.filter(file => !file.startsWith('test/conformance/cases/'))
      const links = written
        .slice(0, MAX_LINKS_PER_ROW)
        .map(file => link(basename(file).replace(/(?:\.test)?\.ts$/, ''), file))
      if (written.length > MAX_LINKS_PER_ROW) links.push(`${written.length - MAX_LINKS_PER_ROW} more`)
      if (recorded) links.push(link('recorded cases', 'test/conformance/cases/README.md'))
      return `${start} ${links.join(', ') || none} |`
    },
  )
}

function link(text: string, file: string): string {
  return `[${text}](../${file})`
}
