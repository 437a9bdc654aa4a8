/** Tests what docs/refusal-pages.md shows: its configuration, and its table of pages. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { type Denial, denial, forbidden } from '../../src/access/denial.ts'
import { loadConfig } from '../../src/app/config.ts'
import { refusalPageOptions } from '../../src/handlers/pages/settings.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { testPages } from '../support/handler_harness.ts'
import { requestWith } from '../support/request.ts'

const page = readFileSync(new URL('../../docs/refusal-pages.md', import.meta.url), 'utf8')

test('the configuration of the page is valid and brands the pages', () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  const { config, issues } = loadConfig(
    { files: [{ source: 'c.yaml', text }], env: {}, flags: new Map() },
    HANDLERS,
  )
  assert.ok(config !== undefined)
  assert.deepEqual(
    issues.filter(({ path }) => path.startsWith('errors')),
    [],
  )
  const { body } = testPages(refusalPageOptions(config)).render(forbidden('forbidden'), requestWith())
  for (const shown of ['Example Shop', '/static/logo.svg', '--accent:#7a1fa2', 'mailto:help@example.com'])
    assert.ok(body.includes(shown), shown)
})

const rows = [...page.matchAll(/^\| (\d{3}[^|]*) \| ([^|]+) \| ([^|,]+)[^|]*\|$/gm)].map(
  ([, denied = '', title = '', button = '']) => [denied, title.trim(), button.trim()] as const,
)

test('every status that a denial can have is in the table', () => {
  const statuses = rows.flatMap(([denied]) => denied.match(/\d{3}/g) ?? [])
  assert.deepEqual([...new Set(statuses)].sort(), [
    '400',
    '401',
    '403',
    '404',
    '429',
    '431',
    '500',
    '503',
    '504',
  ])
})

for (const [denied, title, button] of rows) {
  test(`${denied} is "${title}" with "${button}"`, () => {
    const code = (/`(\w+)`/.exec(denied)?.[1] ?? 'forbidden') as Denial['code']
    const hints =
      code === 'second_factor_required' ? { loginUrl: 'https://k/self-service/login/browser?aal=aal2' } : {}
    for (const status of denied.match(/\d{3}/g) ?? []) {
      const refused = denial(Number(status) as Denial['status'], code, '', { hints })
      const { body } = testPages().render(refused, requestWith())
      assert.equal(/<h1>([^<]*)/.exec(body)?.[1], title)
      assert.equal(/class="button"[^>]*>([^<]*)/.exec(body)?.[1], button)
    }
  })
}
