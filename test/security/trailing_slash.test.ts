/** S2-1, F1, F2, A15: the path that a rule judges is the path that the application receives, its trailing slash included. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { guardedRule as guarded, openRule as open, statusUnder } from '../support/open_and_guarded.ts'

const statusAt = (rules: readonly object[], path: string, config = '') =>
  statusUnder(rules, { host: 'app.test', path }, config)

const GLOB = 'access_rules: {matching_strategy: glob}\n'
const FIRST = 'access_rules: {on_multiple_matches: first}\n'
const DEFAULT_RULE = 'access_rules: {default_rule: open}\n'

/** Each broader rule is open and used to decide `/admin/`, whose slash was dropped. */
const BROADER: readonly (readonly [what: string, config: string, rules: readonly object[]])[] = [
  [
    'a negative lookahead',
    '',
    [guarded('https://app.test/admin/<.*>'), open('https://app.test/<(?!admin/).*>')],
  ],
  ['one segment', '', [guarded('https://app.test/admin/<.*>'), open('https://app.test/<[^/]*>')]],
  ['the first match', FIRST, [guarded('https://app.test/admin/<.*>'), open('https://app.test/<.*>')]],
  [
    'the default rule',
    DEFAULT_RULE,
    [guarded('https://app.test/admin/<.*>'), open('https://app.test/public')],
  ],
  ['a glob of one segment', GLOB, [guarded('https://app.test/admin/<**>'), open('https://app.test/<*>')]],
]
for (const [what, config, rules] of BROADER) {
  test(`S2-1 F1 A15 /admin/ is judged by the rule for everything below it: ${what}`, async () => {
    assert.equal(await statusAt(rules, '/admin/x', config), 401)
    assert.equal(await statusAt(rules, '/admin/', config), 401)
    assert.equal(await statusAt(rules, '/admin/?x=/admin', config), 401)
    assert.equal(await statusAt(rules, '/%61dmin/', config), 401)
  })
}

test('S2-1 the root of a prefix is matched, and a path without the slash is not', async () => {
  for (const [config, fragment] of [
    ['', '<.*>'],
    [GLOB, '<**>'],
  ] as const) {
    const rules = [open(`https://app.test/api/${fragment}`)]
    assert.equal(await statusAt(rules, '/api/', config), 200)
    assert.equal(await statusAt(rules, '/api', config), 404)
  }
})

test('A15 a literal rule does not decide for the path with a slash, nor the reverse', async () => {
  assert.equal(await statusAt([open('https://app.test/a')], '/a/'), 404)
  assert.equal(await statusAt([open('https://app.test/a/')], '/a'), 404)
  assert.equal(await statusAt([open('https://app.test/a/')], '/a/'), 200)
  assert.equal(await statusAt([open('https://app.test/')], '/'), 200)
})

test('Q-19 paths: oathkeeper drops the slash as a part of its cleaning', async () => {
  assert.equal(await statusAt([open('https://app.test/a')], '/a/', 'paths: oathkeeper\n'), 200)
  assert.equal(await statusAt([open('https://app.test/a/b')], '/a//b/', 'paths: oathkeeper\n'), 200)
})
