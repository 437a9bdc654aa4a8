/** test/e2e/reload — rules are replaced again and again while requests run: nobody notices. No Kratos. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openWorld, type World } from './support/world.ts'

const rule = (id: string, path: string, subject: string): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>${path}", methods: [GET] }
  authenticators: [ { handler: anonymous, config: { subject: ${subject} } } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`
const FILLING = Array.from({ length: 300 }, (_, i) => rule(`other-${i}`, `/other/${i}/<.*>`, 'other')).join(
  '',
)
const edition = (n: number): string => rule('page', '/page', `edition-${n}`) + FILLING
const EDITIONS = 6
const LINES = 6

let world: World
before(async () => {
  world = await openWorld({ rules: edition(0), kratos: 'none' })
})
after(() => world.close())

test('while rules are replaced under traffic, every answer is that of a whole edition', async () => {
  const seen = new Set<string>()
  let asked = 0
  let stopping = false
  const lines = Array.from({ length: LINES }, async () => {
    // Bounded by count as well: a test that goes wrong must end.
    for (let i = 0; i < 2_000 && !stopping; i++) {
      const page = await world.ask('/page')
      asked++
      assert.equal(page.status, 200)
      seen.add(page.json<{ headers: Record<string, string> }>().headers['x-user-id'] ?? '')
    }
  })
  for (let n = 1; n <= EDITIONS; n++) await world.writeRules(edition(n))
  await world.writeRules('- id: [', 'broken')
  const { status } = await world.ask('/page')
  stopping = true
  await Promise.all(lines)
  assert.equal(status, 200, 'a broken file leaves the last good rules')
  assert.ok(asked > EDITIONS)
  for (const user of seen) assert.match(user, /^edition-[0-6]$/)
  assert.ok(seen.has(`edition-${EDITIONS}`), [...seen].join())
})
