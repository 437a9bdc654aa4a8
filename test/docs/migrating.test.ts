/** Tests the configurations that docs/migrating-from-oathkeeper.md shows for rules with exceptions. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { createCheckHarness, statusOf } from '../support/check_harness.ts'

const page = readFileSync(new URL('../../docs/migrating-from-oathkeeper.md', import.meta.url), 'utf8')
const section = page.split('## 5. ')[1]?.split('\n## ')[0] ?? ''
const [config = '', rules = ''] = [...section.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
  match => match[1] as string,
)

/** Handlers that the page assumes to be configured. */
const HANDLERS = `
authenticators: {noop: {enabled: true}, cookie_session: {enabled: true, config: {check_session_url: "http://k/sessions/whoami"}}}
authorizers:
  allow: {enabled: true}
  remote: {enabled: true, config: {remote: "http://r/"}}
  remote_json: {enabled: true, config: {remote: "http://r/", payload: "{}"}}
mutators: {noop: {enabled: true}, header: {enabled: true, config: {headers: {}}}}
`

async function createRequester(configuration: string, ruleFile: string) {
  const harness = await createCheckHarness({ config: configuration + HANDLERS, rules: ruleFile })
  assert.deepEqual(
    harness.issues.filter(issue => issue.severity === 'error'),
    [],
  )
  return async (path: string, method = 'GET') => {
    const http = { method, scheme: 'https', host: 'app.example.com', path, headers: { ':path': path } }
    const status = statusOf(await harness.send(http))
    return `${status} ${harness.decisions.at(-1)?.metadata.rule}`
  }
}

test('the exception comes first, and the general rule decides the rest', async () => {
  const request = await createRequester(config, rules)
  assert.equal(await request('/health'), '200 health')
  assert.equal(await request('/orders'), '401 everything')
  assert.equal(await request('/health', 'POST'), '401 everything')
})

test('a default rule needs no `match`', async () => {
  const withoutMatch = rules.replace(/(- id: everything\n) +match: .*\n/, '$1')
  assert.notEqual(withoutMatch, rules)
  const request = await createRequester('access_rules: { default_rule: everything }\n', withoutMatch)
  assert.equal(await request('/health'), '200 health')
  assert.equal(await request('/orders', 'OPTIONS'), '401 everything')
})
