/** Where the first rule decides, a rule that is never reached is told; overlaps are meant and are not. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createCheckHarness } from '../../support/check_harness.ts'

const CONFIG = `
access_rules: {several_matches: first}
authenticators: {anonymous: {enabled: true}}
authorizers: {allow: {enabled: true}}
mutators: {noop: {enabled: true}}
`

type Written = readonly [url: string, ...methods: string[]]

/** Ids of the rules that others are told of, as being before them. */
async function shadowingRules(...written: readonly Written[]) {
  const rules = written.map(([url, ...methods], i) => ({
    id: `r${i}`,
    match: url.startsWith('rpc')
      ? { authority: 'h', full_method: url.slice(6) }
      : { url, methods: methods.length === 0 ? ['GET'] : methods },
    authenticators: [{ handler: 'anonymous' }],
    authorizer: { handler: 'allow' },
    mutators: [{ handler: 'noop' }],
  }))
  const { issues } = await createCheckHarness({ config: CONFIG, rules: JSON.stringify(rules) })
  return issues.map(one => {
    const match = /^is never reached: "(r\d+)" .*comes before it and matches all that it matches$/.exec(
      one.message,
    )
    assert.ok(match !== null && one.severity === 'warning', one.message)
    return match[1]
  })
}

const SHADOWED: readonly (readonly [what: string, ...rules: Written[]])[] = [
  ['equal patterns', ['https://h/a/<.*>'], ['https://h/a/<.*>']],
  ['a literal behind an expression that matches it', ['https://h/<.*>'], ['https://h/a']],
  ['a few literals, all of which an earlier rule matches', ['<.*>://h/<.*>'], ['<https?>://h/<a|b>']],
  ['a rule with fewer methods', ['https://h/<.*>', 'GET', 'PUT'], ['https://h/a', 'put']],
  [
    'an expression that begins as one that lets all follow',
    ['<https?>://h/<.*>'],
    ['https://h/<a|b>/<[0-9]+>'],
  ],
  ['calls', ['rpc://s/<.*>'], ['rpc://s/get']],
]
for (const [what, ...rules] of SHADOWED) {
  test(`told: ${what}`, async () => {
    assert.deepEqual(await shadowingRules(...rules), ['r0'])
  })
}

const NOT_SHADOWED: typeof SHADOWED = [
  ['the narrower rule first', ['https://h/a'], ['https://h/<.*>']],
  ['a rule with another method', ['https://h/<.*>', 'GET'], ['https://h/a', 'GET', 'PUT']],
  ['one of two literals is left', ['https://h/a'], ['https://h/<a|b>']],
  ['another scheme is left', ['https://h/<.*>'], ['<https?>://h/a']],
  ['patterns that overlap', ['https://h/<.*>/b'], ['https://h/a/<.*>']],
  ['an expression with a start of its own', ['https://h/a/<.*>'], ['https://h/<a|b>/<[0-9]+>']],
  ['a start that lets not all follow', ['https://h/a/<[^/]*>'], ['https://h/a/<.*>']],
  ['a start that a lookahead narrows', ['https://h/<(?!b)(a|b)>/<.*>'], ['https://h/b/<[0-9]+>']],
  ['calls beside URLs', ['https://h/<.*>', 'POST'], ['rpc://s/get']],
]
for (const [what, ...rules] of NOT_SHADOWED) {
  test(`not told: ${what}`, async () => {
    assert.deepEqual(await shadowingRules(...rules), [])
  })
}
