/** A default rule is found by its id, and what is wrong with the id is said where it was written. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { type House, openHouse, statusOf } from '../support/house.ts'

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
const at = (url: string) => `match: {url: "${url}", methods: [GET]}`

const open = (id: string, rules: string, more = '') =>
  openHouse({ config: `access_rules:\n  default_rule: ${id}\n${HANDLERS}${more}`, rules })
const ask = async (house: House, url: string): Promise<string> => {
  const [, scheme = '', host = '', path = ''] = /^(\w+):\/\/([^/]*)(.*)$/.exec(url) ?? []
  const status = statusOf(await house.ask({ method: 'GET', scheme, host, path, headers: { ':path': path } }))
  const { rule: id, code } = house.decisions.at(-1)?.trail ?? {}
  return `${status} ${id} ${code}`
}
const said = ({ issues }: House) =>
  issues.map(one => `${one.severity} ${one.source}:${one.line} ${one.path}: ${one.message} (${one.hint})`)

test('a rule without match is none that matches nothing when it is the default', async () => {
  const house = await open('rest', rule('a', at('https://h/a')) + rule('rest'))
  assert.deepEqual(said(house), [])
  assert.equal(await ask(house, 'https://h/a'), '200 a ok')
  assert.equal(await ask(house, 'https://h/b'), '200 rest ok')
  assert.equal(house.snapshot.rules.length, 2)
})

test('a rule with a match keeps it, and is the default beside it', async () => {
  const house = await open('rest', rule('rest', at('https://h/a')) + rule('b', at('https://h/<b>')))
  assert.deepEqual(said(house), [])
  assert.equal(await ask(house, 'https://h/a'), '200 rest ok')
  assert.equal(await ask(house, 'https://h/b'), '200 b ok')
  assert.equal(await ask(house, 'https://h/c'), '200 rest ok')
})

test('an id that no rule has is an error where it was written, and 500 where it would decide', async () => {
  const house = await open('rset', rule('a', at('https://h/a')) + rule('rest', at('https://h/b')))
  assert.deepEqual(said(house), [
    'error config.yaml:2 access_rules.default_rule: no rule has the id "rset" (did you mean "rest"?)',
  ])
  assert.equal(await ask(house, 'https://h/a'), '200 a ok')
  assert.equal(await ask(house, 'https://h/c'), '500  rule_misconfigured')
})

test('an id that two rules have names neither', async () => {
  const house = await open('rest', rule('rest', at('https://h/a')) + rule('rest', at('https://h/b')))
  assert.ok(
    said(house).includes(
      'error config.yaml:2 access_rules.default_rule: 2 rules have the id "rest" (let one alone have it)',
    ),
    said(house).join('\n'),
  )
  assert.equal(await ask(house, 'https://h/b'), '200 rest ok')
  assert.equal(await ask(house, 'https://h/c'), '500  rule_misconfigured')
})

test('strict: a default rule that does not exist refuses the set', async () => {
  await assert.rejects(open('none', rule('a', at('https://h/a')), 'strict: true\n'), /no rule has the id/)
})

test('a default rule whose handlers are broken answers 500', async () => {
  const house = await open('rest', rule('rest').replace('allow', 'alow'))
  assert.match(said(house).join(), /unknown authorizer "alow"/)
  assert.equal(await ask(house, 'https://h/c'), '500 rest rule_misconfigured')
})

test('one whose pattern cannot be used refuses the set, and is not said to be missing', async () => {
  await assert.rejects(open('rest', rule('rest', at('https://h/<[>'))), (error: Error) => {
    assert.match(error.message, /class is not closed/)
    assert.doesNotMatch(error.message, /has the id/)
    return true
  })
})
