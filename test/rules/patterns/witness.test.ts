/** A pattern has a URL that it matches, or is proved dead, or neither is claimed. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { PathMode } from '../../../src/http/request_target.ts'
import { createWordFinder } from '../../../src/rules/patterns/automata.ts'
import { compilePattern, compileRpcPattern } from '../../../src/rules/patterns/pattern.ts'
import { requestUrlPredicate } from '../../../src/rules/patterns/request_url.ts'
import { findWitnesses, type WitnessSearch } from '../../../src/rules/patterns/witness.ts'

function witnessesOf(
  text: string,
  strategy: 'regexp' | 'glob' = 'regexp',
  paths: PathMode = 'strict',
): WitnessSearch {
  const compiled = compilePattern(text, strategy)
  assert.ok(!('fault' in compiled), JSON.stringify(compiled))
  const found = findWitnesses(compiled, { paths, rpc: false }, createWordFinder())
  for (const url of found.witnesses) {
    assert.ok(compiled.pattern.exec(url) !== undefined, `${text} does not match ${url}`)
    assert.ok(requestUrlPredicate({ paths, rpc: false })(url), `no request has ${url}`)
  }
  return found
}

const SATISFIABLE: readonly (readonly [text: string, strategy?: 'glob'])[] = [
  ['https://h/<.*>'],
  ['<.*>'],
  ['<.*>/admin'],
  ['<https?>://<[^/]+>/users/<[0-9]+>'],
  ['https://h/<(?!admin).*>'],
  ['https://h/<(?=[a-z])\\b.+>'],
  ['https://h<(|/.*)>'],
  ['https://h/<(a|b)/?>'],
  ['https://h/<(?i:ABC)>/<\\d{3}>'],
  ['https://h/a b'],
  ['https://h/<[A-Z]+>'],
  ['https://H:443/x'],
  ['<https?>://h:443/x'],
  ['https://[::1]:8443/<.*>'],
  ['<.*>://h/<.*>'],
  ['<wss?>://h:444/<.*>'],
  ['https://h/<**>/edit', 'glob'],
  ['https://h/<{a,b*}>/<?>', 'glob'],
]
for (const [text, strategy] of SATISFIABLE) {
  test(`${text} matches some request`, () => {
    const { witnesses: urls, dead } = witnessesOf(text, strategy)
    assert.ok(urls.length > 0)
    assert.equal(dead, false)
  })
}

const UNSATISFIABLE: readonly (readonly [text: string, strategy?: 'glob'])[] = [
  ['https://h/<[^\\s\\S]>'],
  ['https://*.example.com/a'],
  ['http://<[A-Z]+>/a'],
  ['https://h/<.*>//<.*>'],
  ['https://h/<a\\\\b>'],
  ['ftp://h/a'],
  ['https://höst/a'],
  ['https://h/<*>//', 'glob'],
]
for (const [text, strategy] of UNSATISFIABLE) {
  test(`${text} matches no request`, () => {
    assert.deepEqual(witnessesOf(text, strategy), { witnesses: [], dead: true, needsQuery: false })
  })
}

test('a pattern that needs the query is no dead one, and its URLs have no query', () => {
  const needs = { witnesses: [], dead: false, needsQuery: true }
  assert.deepEqual(witnessesOf('https://h/search<\\?q=.*>'), needs)
  assert.deepEqual(witnessesOf('https://h/search?q=1'), needs)
  assert.deepEqual(witnessesOf('https://h/search#top'), needs)
  const optional = witnessesOf('https://h/documents<(\\?.*)?>')
  assert.deepEqual(optional.witnesses, ['https://h/documents'])
})

test('a pattern without witness and without proof is not called dead', () => {
  // Words of five hundred letters are not searched, and a lookahead may exclude all words that were.
  for (const text of ['https://h/<a{500}b>', 'https://h/<(?=[a-z]{9}$)(?!a+$)(?!z+$).*>']) {
    assert.equal(witnessesOf(text).dead, false)
  }
})

test('the path mode decides: a path that strict rejects can match with oathkeeper', () => {
  assert.equal(witnessesOf('https://h/<a\\\\b>', 'regexp', 'oathkeeper').witnesses.length, 1)
  assert.equal(witnessesOf('https://h/a/', 'regexp', 'oathkeeper').dead, true)
})

test('RPC patterns match RPC calls only', () => {
  const compiled = compileRpcPattern('grpc.example', 'pkg.Service/<[^/]+>')
  assert.ok(!('fault' in compiled))
  const { witnesses: urls } = findWitnesses(compiled, { paths: 'strict', rpc: true }, createWordFinder())
  assert.equal(urls[0], 'rpc://grpc.example/pkg.Service/a')
  assert.equal(findWitnesses(compiled, { paths: 'strict', rpc: false }, createWordFinder()).dead, true)
})
