/** Tests that no request fails while rules are replaced repeatedly. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const rule = (id: string, path: string, subject: string): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>${path}", methods: [GET] }
  authenticators: [ { handler: anonymous, config: { subject: ${subject} } } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`
const FILLER_RULES = Array.from({ length: 300 }, (_, i) =>
  rule(`other-${i}`, `/other/${i}/<.*>`, 'other'),
).join('')
const rulesRevision = (n: number): string => rule('page', '/page', `revision-${n}`) + FILLER_RULES
const REVISION_COUNT = 6
const CLIENT_COUNT = 6

let environment: EnvoyEnvironment
before(async () => {
  environment = await startEnvoyEnvironment({ rules: rulesRevision(0), kratos: 'none' })
})
after(() => environment.close())

test('during reloads every response is that of one complete rule set', async () => {
  const seen = new Set<string>()
  let requestCount = 0
  let stopping = false
  const clients = Array.from({ length: CLIENT_COUNT }, async () => {
    // The bound ends the loop even if the test fails before it sets `stopping`.
    for (let i = 0; i < 2_000 && !stopping; i++) {
      const page = await environment.fetch('/page')
      requestCount++
      assert.equal(page.status, 200)
      seen.add(page.json<{ headers: Record<string, string> }>().headers['x-user-id'] ?? '')
    }
  })
  for (let n = 1; n <= REVISION_COUNT; n++) await environment.writeRules(rulesRevision(n))
  await environment.writeRules('- id: [', 'broken')
  const { status } = await environment.fetch('/page')
  stopping = true
  await Promise.all(clients)
  assert.equal(status, 200, 'a broken file keeps the last good rules')
  assert.ok(requestCount > REVISION_COUNT)
  for (const user of seen) assert.match(user, /^revision-[0-6]$/)
  assert.ok(seen.has(`revision-${REVISION_COUNT}`), [...seen].join())
})
