import assert from 'node:assert/strict'
import test from 'node:test'
import { parseRules } from '../../src/rules/parse.ts'
import { compareRules } from '../../src/rules/rule_changes.ts'

const read = (text: string) => (parseRules(text, 'rules.yaml').rules ?? []).map(({ rule }) => rule)
const rule = (id: string, more = '') =>
  `- { id: ${id}, match: { url: "https://h/${id}", methods: [GET] }, authenticators: [{ handler: noop }], authorizer: { handler: allow }, mutators: [{ handler: noop }]${more} }\n`
const compare = (before: string, after: string) => compareRules(read(before), read(after), () => undefined)

test('rules are added, removed and changed by id', async () => {
  const after = rule('b', ', description: new') + rule('c') + rule('d')
  assert.deepEqual(await compare(rule('a') + rule('b') + rule('c'), after), {
    added: ['d'],
    removed: ['a'],
    changed: ['b'],
  })
})

test('order, comments and the order of keys change nothing', async () => {
  const before = rule('a', ', errors: [{ handler: json, config: { x: 1, y: 2 } }]') + rule('b')
  const after = `# a comment\n${rule('b')}${rule('a', ', errors: [{ config: { y: 2, x: 1 }, handler: json }]')}`
  assert.deepEqual(await compare(before, after), { added: [], removed: [], changed: [] })
})

test('one of two rules with the same id can go', async () => {
  const result = await compare(rule('a') + rule('a', ', description: second'), rule('a'))
  assert.deepEqual(result, { added: [], removed: ['a'], changed: [] })
})

test('the comparison yields between rules', async () => {
  let calls = 0
  await compareRules(read(rule('a')), read(rule('a') + rule('b')), () => {
    calls++
    return undefined
  })
  assert.equal(calls, 2)
})
