/** If the first match decides, rules that are never reached are reported, and overlaps are not. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createCheckHarness } from '../../support/check_harness.ts'

const CONFIG = `
access_rules: {on_multiple_matches: first}
authenticators: {anonymous: {enabled: true}}
authorizers: {allow: {enabled: true}}
mutators: {noop: {enabled: true}}
`

type Written = readonly [url: string, ...methods: string[]]

/** Ids of the earlier rules in reports of rules that are never reached. */
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
    'an expression with a prefix that an earlier rule accepts with any suffix',
    ['<https?>://h/<.*>'],
    ['https://h/<a|b>/<[0-9]+>'],
  ],
  ['RPC calls', ['rpc://s/<.*>'], ['rpc://s/get']],
]
for (const [what, ...rules] of SHADOWED) {
  test(`reported: ${what}`, async () => {
    assert.deepEqual(await shadowingRules(...rules), ['r0'])
  })
}

const NOT_SHADOWED: typeof SHADOWED = [
  ['the narrower rule first', ['https://h/a'], ['https://h/<.*>']],
  ['a rule with another method', ['https://h/<.*>', 'GET'], ['https://h/a', 'GET', 'PUT']],
  ['one of two literals is reached', ['https://h/a'], ['https://h/<a|b>']],
  ['another scheme is reached', ['https://h/<.*>'], ['<https?>://h/a']],
  ['patterns that overlap', ['https://h/<.*>/b'], ['https://h/a/<.*>']],
  ['an expression with another prefix', ['https://h/a/<.*>'], ['https://h/<a|b>/<[0-9]+>']],
  ['an earlier prefix that accepts not every suffix', ['https://h/a/<[^/]*>'], ['https://h/a/<.*>']],
  ['an earlier prefix that a lookahead narrows', ['https://h/<(?!b)(a|b)>/<.*>'], ['https://h/b/<[0-9]+>']],
  ['RPC calls and URLs', ['https://h/<.*>', 'POST'], ['rpc://s/get']],
]
for (const [what, ...rules] of NOT_SHADOWED) {
  test(`not reported: ${what}`, async () => {
    assert.deepEqual(await shadowingRules(...rules), [])
  })
}
