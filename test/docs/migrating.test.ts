/** What docs/migrating-from-oathkeeper.md shows of rules with exceptions is a configuration that works. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { createCheckHarness, statusOf } from '../support/check_harness.ts'

const page = readFileSync(new URL('../../docs/migrating-from-oathkeeper.md', import.meta.url), 'utf8')
const section = page.split('## 5. ')[1]?.split('\n## ')[0] ?? ''
const [config = '', rules = ''] = [...section.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
  one => one[1] as string,
)

/** What the page takes for granted. */
const HANDLERS = `
authenticators: {noop: {enabled: true}, cookie_session: {enabled: true, config: {check_session_url: "http://k/sessions/whoami"}}}
authorizers:
  allow: {enabled: true}
  remote: {enabled: true, config: {remote: "http://r/"}}
  remote_json: {enabled: true, config: {remote: "http://r/", payload: "{}"}}
mutators: {noop: {enabled: true}, header: {enabled: true, config: {headers: {}}}}
`

async function createRequester(configuration: string, written: string) {
  const house = await createCheckHarness({ config: configuration + HANDLERS, rules: written })
  assert.deepEqual(
    house.issues.filter(one => one.severity === 'error'),
    [],
  )
  return async (path: string, method = 'GET') => {
    const http = { method, scheme: 'https', host: 'app.example.com', path, headers: { ':path': path } }
    const status = statusOf(await house.send(http))
    return `${status} ${house.decisions.at(-1)?.metadata.rule}`
  }
}

test('the exception is written first, and the rule for everything decides the rest', async () => {
  const of = await createRequester(config, rules)
  assert.equal(await of('/health'), '200 health')
  assert.equal(await of('/orders'), '401 everything')
  assert.equal(await of('/health', 'POST'), '401 everything')
})

test('a default rule needs no match', async () => {
  const withoutMatch = rules.replace(/(- id: everything\n) +match: .*\n/, '$1')
  assert.notEqual(withoutMatch, rules)
  const of = await createRequester('access_rules: { default_rule: everything }\n', withoutMatch)
  assert.equal(await of('/health'), '200 health')
  assert.equal(await of('/orders', 'OPTIONS'), '401 everything')
})
