/** The default rule is found by its id, and a wrong id is reported at the setting. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { type CheckHarness, createCheckHarness, statusOf } from '../support/check_harness.ts'

const HANDLERS = `
authenticators: {anonymous: {enabled: true}}
authorizers: {allow: {enabled: true}, deny: {enabled: true}}
mutators: {noop: {enabled: true}}
`
const rule = (id: string, more = '') => `
- id: ${id}
  authenticators: [{handler: anonymous}]
  authorizer: {handler: allow}
  mutators: [{handler: noop}]
  ${more}`
const matchOf = (url: string) => `match: {url: "${url}", methods: [GET]}`

const openWithDefaultRule = (id: string, rules: string, more = '') =>
  createCheckHarness({ config: `access_rules:\n  default_rule: ${id}\n${HANDLERS}${more}`, rules })
const check = async (harness: CheckHarness, url: string): Promise<string> => {
  const [, scheme = '', host = '', path = ''] = /^(\w+):\/\/([^/]*)(.*)$/.exec(url) ?? []
  const status = statusOf(
    await harness.send({ method: 'GET', scheme, host, path, headers: { ':path': path } }),
  )
  const { rule: id, code } = harness.decisions.at(-1)?.metadata ?? {}
  return `${status} ${id} ${code}`
}
const issueLines = ({ issues }: CheckHarness) =>
  issues.map(one => `${one.severity} ${one.source}:${one.line} ${one.path}: ${one.message} (${one.hint})`)

test('the default rule needs no match', async () => {
  const harness = await openWithDefaultRule('rest', rule('a', matchOf('https://h/a')) + rule('rest'))
  assert.deepEqual(issueLines(harness), [])
  assert.equal(await check(harness, 'https://h/a'), '200 a ok')
  assert.equal(await check(harness, 'https://h/b'), '200 rest ok')
  assert.equal(harness.snapshot.rules.length, 2)
})

test('a default rule with a match also decides requests that match it', async () => {
  const harness = await openWithDefaultRule(
    'rest',
    rule('rest', matchOf('https://h/a')) + rule('b', matchOf('https://h/<b>')),
  )
  assert.deepEqual(issueLines(harness), [])
  assert.equal(await check(harness, 'https://h/a'), '200 rest ok')
  assert.equal(await check(harness, 'https://h/b'), '200 b ok')
  assert.equal(await check(harness, 'https://h/c'), '200 rest ok')
})

test('an id that no rule has is an error at the setting, and unmatched requests are 500', async () => {
  const harness = await openWithDefaultRule(
    'rset',
    rule('a', matchOf('https://h/a')) + rule('rest', matchOf('https://h/b')),
  )
  assert.deepEqual(issueLines(harness), [
    'error config.yaml:2 access_rules.default_rule: no rule has the id "rset" (did you mean "rest"?)',
  ])
  assert.equal(await check(harness, 'https://h/a'), '200 a ok')
  assert.equal(await check(harness, 'https://h/c'), '500  rule_misconfigured')
})

test('an id that two rules have selects neither', async () => {
  const harness = await openWithDefaultRule(
    'rest',
    rule('rest', matchOf('https://h/a')) + rule('rest', matchOf('https://h/b')),
  )
  assert.ok(
    issueLines(harness).includes(
      'error config.yaml:2 access_rules.default_rule: 2 rules have the id "rest" (give each rule its own id)',
    ),
    issueLines(harness).join('\n'),
  )
  assert.equal(await check(harness, 'https://h/b'), '200 rest ok')
  assert.equal(await check(harness, 'https://h/c'), '500  rule_misconfigured')
})

test('strict: a default rule that does not exist rejects the set', async () => {
  await assert.rejects(
    openWithDefaultRule('none', rule('a', matchOf('https://h/a')), 'strict: true\n'),
    /no rule has the id/,
  )
})

test('a default rule with misconfigured handlers answers 500', async () => {
  const harness = await openWithDefaultRule('rest', rule('rest').replace('allow', 'alow'))
  assert.match(issueLines(harness).join(), /unknown authorizer "alow"/)
  assert.equal(await check(harness, 'https://h/c'), '500 rest rule_misconfigured')
})

test('a default rule whose pattern cannot be used rejects the set and is not reported as missing', async () => {
  await assert.rejects(
    openWithDefaultRule('rest', rule('rest', matchOf('https://h/<[>'))),
    (error: Error) => {
      assert.match(error.message, /class is not closed/)
      assert.doesNotMatch(error.message, /has the id/)
      return true
    },
  )
})
