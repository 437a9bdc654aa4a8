/** Tests of the prose checks of `npm run check`: each one must fail on a small fixture. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { describe } from 'node:test'
import { findForbiddenWords } from '../../scripts/prose/forbidden_words.ts'
import { findLongLines } from '../../scripts/prose/line_length.ts'
import { findBrokenLinks, findMissingPages } from '../../scripts/prose/links.ts'
import { slugOf } from '../../scripts/prose/markdown.ts'

const page = (text: string, path = 'guide/page.md') => ({ path, text })

describe('forbidden words', () => {
  const words = [{ pattern: '\\bgizmo\\b', instead: '"cache"', allow: ['guide/glossary.md'] }]

  test('a forbidden word is reported with file, line, the text found and the replacement', () => {
    assert.deepEqual(findForbiddenWords([page('fine\nOn a Gizmo of their own.', 'src/x.ts')], words), [
      { path: 'src/x.ts', line: 2, message: '"Gizmo": write "cache" instead' },
    ])
  })

  test('a file in `allow` may use the word, another one may not', () => {
    const files = [page('gizmo', 'guide/glossary.md'), page('gizmo', 'guide/other.md')]
    assert.deepEqual(
      findForbiddenWords(files, words).map(problem => problem.path),
      ['guide/other.md'],
    )
  })
})

describe('links', () => {
  const exists = (path: string) =>
    ['guide', 'guide/page.md', 'guide/other.md', 'README.md', 'src/a.ts'].includes(path)
  const problemsOf = (text: string, others = [page('# A heading\n\n<a id="Q-01"></a>', 'guide/other.md')]) =>
    findBrokenLinks([page(text), ...others], exists).map(problem => problem.message)

  test('a link to a missing file is reported', () => {
    assert.deepEqual(problemsOf('See [this](missing.md).'), [
      'broken link: missing.md (no file guide/missing.md)',
    ])
    assert.deepEqual(problemsOf('[ref]: ../nothing.md'), ['broken link: ../nothing.md (no file nothing.md)'])
    assert.deepEqual(problemsOf('![image](x.png)'), ['broken link: x.png (no file guide/x.png)'])
  })

  test('a link to a missing anchor is reported', () => {
    assert.deepEqual(problemsOf('[x](other.md#b-heading)'), [
      'broken link: guide/other.md has no anchor #b-heading',
    ])
    assert.deepEqual(problemsOf('# Here\n[x](#there)'), ['broken link: guide/page.md has no anchor #there'])
  })

  test('existing files, folders, anchors and external links are accepted', () => {
    const text = `# Here it is
[a](other.md) [b](other.md#a-heading) [c](other.md#Q-01) [d](#here-it-is) [e](../README.md "title")
[f](https://example.com/x#y) [g](mailto:a@example.com) [h](/src/a.ts#L3) [i](../guide/)`
    assert.deepEqual(problemsOf(text), [])
  })

  test('code spans and code blocks hold no links', () => {
    assert.deepEqual(problemsOf('`[x](missing.md)`\n\n```md\n[x](missing.md)\n```'), [])
  })

  test('a second heading of the same text has the anchor that GitHub gives it', () => {
    assert.deepEqual(problemsOf('# Twice\n## Twice\n[x](#twice-1)'), [])
    assert.deepEqual(problemsOf('# Twice\n## Twice\n[x](#twice-2)').length, 1)
  })

  test('anchors follow the rule of GitHub', () => {
    assert.equal(slugOf('What `npm run check` does, and why: A–Z'), 'what-npm-run-check-does-and-why-az')
    assert.equal(slugOf('`sessions.negative_cache.ttl` (ms)'), 'sessionsnegative_cachettl-ms')
    assert.equal(slugOf('[A link](x.md) & more'), 'a-link--more')
  })
})

describe('pages that a comment or a message names', () => {
  const exists = (path: string) => path === ['docs', 'present.md'].join('/')
  const named = (name: string) =>
    findMissingPages([page(`// see ${['docs', name].join('/')}, Q-05`, 'src/a.ts')], exists)

  test('a page that does not exist is reported, an existing one is not', () => {
    assert.deepEqual(named('gone.md'), [
      { path: 'src/a.ts', line: 1, message: `names ${['docs', 'gone.md'].join('/')}, which does not exist` },
    ])
    assert.deepEqual(named('present.md'), [])
  })
})

describe('line length', () => {
  const long = 'word '.repeat(30)

  test('a line of more than 120 characters is reported', () => {
    assert.deepEqual(findLongLines([page(`short\n${'x'.repeat(121)}`)]), [
      { path: 'guide/page.md', line: 2, message: 'line has 121 characters; wrap it at 120' },
    ])
    assert.deepEqual(findLongLines([page('x'.repeat(120))]), [])
  })

  test('tables, code blocks and lines with nothing but a link may be longer', () => {
    const url = `https://example.com/${'x'.repeat(120)}`
    const text = `| ${long} |\n\n\`\`\`\n${long}\n\`\`\`\n- [name](${url})\n${url}\n[ref]: ${url}`
    assert.deepEqual(findLongLines([page(text)]), [])
    assert.equal(findLongLines([page(`See ${url}`)]).length, 1)
  })

  test('a text after a code block is checked again', () => {
    assert.equal(findLongLines([page(`~~~\n${long}\n~~~\n${long}`)]).length, 1)
  })
})

test('the program exits with 1 and prints each problem; with 0 when there is none', t => {
  const root = mkdtempSync(join(tmpdir(), 'credence-prose-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const run = () => {
    const program = join(import.meta.dirname, '..', '..', 'scripts', 'check_prose.ts')
    return spawnSync(process.execPath, [program, root], { encoding: 'utf8' })
  }
  spawnSync('git', ['init', '-q'], { cwd: root })
  write('docs/forbidden-words.json', '[{"pattern":"\\\\bgizmo\\\\b","instead":"\\"cache\\""}]')
  write('src/a.ts', '// evicted from the cache\n')
  write('README.md', '# Title\n\n[link](docs/forbidden-words.json)\n')
  assert.deepEqual([run().status, run().stderr], [0, ''])

  write('src/a.ts', '// the gizmo\n')
  write('README.md', `# Title\n\n[link](gone.md)\n${'x'.repeat(130)}\n`)
  const failed = run()
  assert.equal(failed.status, 1)
  assert.equal(
    failed.stderr,
    `src/a.ts:1: "gizmo": write "cache" instead
README.md:3: broken link: gone.md (no file gone.md)
README.md:4: line has 130 characters; wrap it at 120
3 problems
`,
  )
})
