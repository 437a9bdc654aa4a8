/** A default rule is found by its id, and what is wrong with the id is said where it was written. */
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
const check = async (house: CheckHarness, url: string): Promise<string> => {
  const [, scheme = '', host = '', path = ''] = /^(\w+):\/\/([^/]*)(.*)$/.exec(url) ?? []
  const status = statusOf(await house.send({ method: 'GET', scheme, host, path, headers: { ':path': path } }))
  const { rule: id, code } = house.decisions.at(-1)?.metadata ?? {}
  return `${status} ${id} ${code}`
}
const issueLines = ({ issues }: CheckHarness) =>
  issues.map(one => `${one.severity} ${one.source}:${one.line} ${one.path}: ${one.message} (${one.hint})`)

test('a rule without match is none that matches nothing when it is the default', async () => {
  const house = await openWithDefaultRule('rest', rule('a', matchOf('https://h/a')) + rule('rest'))
  assert.deepEqual(issueLines(house), [])
  assert.equal(await check(house, 'https://h/a'), '200 a ok')
  assert.equal(await check(house, 'https://h/b'), '200 rest ok')
  assert.equal(house.snapshot.rules.length, 2)
})

test('a rule with a match keeps it, and is the default beside it', async () => {
  const house = await openWithDefaultRule(
    'rest',
    rule('rest', matchOf('https://h/a')) + rule('b', matchOf('https://h/<b>')),
  )
  assert.deepEqual(issueLines(house), [])
  assert.equal(await check(house, 'https://h/a'), '200 rest ok')
  assert.equal(await check(house, 'https://h/b'), '200 b ok')
  assert.equal(await check(house, 'https://h/c'), '200 rest ok')
})

test('an id that no rule has is an error where it was written, and 500 where it would decide', async () => {
  const house = await openWithDefaultRule(
    'rset',
    rule('a', matchOf('https://h/a')) + rule('rest', matchOf('https://h/b')),
  )
  assert.deepEqual(issueLines(house), [
    'error config.yaml:2 access_rules.default_rule: no rule has the id "rset" (did you mean "rest"?)',
  ])
  assert.equal(await check(house, 'https://h/a'), '200 a ok')
  assert.equal(await check(house, 'https://h/c'), '500  rule_misconfigured')
})

test('an id that two rules have names neither', async () => {
  const house = await openWithDefaultRule(
    'rest',
    rule('rest', matchOf('https://h/a')) + rule('rest', matchOf('https://h/b')),
  )
  assert.ok(
    issueLines(house).includes(
      'error config.yaml:2 access_rules.default_rule: 2 rules have the id "rest" (give each rule its own id)',
    ),
    issueLines(house).join('\n'),
  )
  assert.equal(await check(house, 'https://h/b'), '200 rest ok')
  assert.equal(await check(house, 'https://h/c'), '500  rule_misconfigured')
})

test('strict: a default rule that does not exist refuses the set', async () => {
  await assert.rejects(
    openWithDefaultRule('none', rule('a', matchOf('https://h/a')), 'strict: true\n'),
    /no rule has the id/,
  )
})

test('a default rule whose handlers are broken answers 500', async () => {
  const house = await openWithDefaultRule('rest', rule('rest').replace('allow', 'alow'))
  assert.match(issueLines(house).join(), /unknown authorizer "alow"/)
  assert.equal(await check(house, 'https://h/c'), '500 rest rule_misconfigured')
})

test('one whose pattern cannot be used refuses the set, and is not said to be missing', async () => {
  await assert.rejects(
    openWithDefaultRule('rest', rule('rest', matchOf('https://h/<[>'))),
    (error: Error) => {
      assert.match(error.message, /class is not closed/)
      assert.doesNotMatch(error.message, /has the id/)
      return true
    },
  )
})
