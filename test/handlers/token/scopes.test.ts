import assert from 'node:assert/strict'
import test from 'node:test'
import { compileScopeCheck } from '../../../src/handlers/token/scopes.ts'

/** Scope of the token, required scope, and whether it is granted: exact, hierarchic, wildcard. */
const TABLE: readonly (readonly [
  has: string,
  required: string,
  exact: boolean,
  hier: boolean,
  wild: boolean,
])[] = [
  ['a', 'a', true, true, true],
  ['a', 'A', false, false, false],
  ['a', 'a.b', false, true, false],
  ['a.b.c', 'a.b', false, false, false],
  ['a', 'ab', false, false, false],
  ['a.', 'a.', true, true, true],
  ['a.*', 'a.b', false, false, true],
  ['a.*', 'a.b.c', false, false, true],
  ['a.*', 'a', false, false, false],
  ['a.*', 'a.', false, false, false],
  ['a.b.*', 'a.b', false, false, false],
  ['a.*', 'a.b.', false, false, true],
  ['*', 'a..b', false, false, true],
  ['*', '.a', false, false, false],
  ['*', 'a', false, false, true],
  ['*', 'a.b', false, false, true],
  ['*', '', false, false, false],
  ['a.*.c', 'a.b.c', false, false, true],
  ['a.*.c', 'a..c', false, false, false],
  ['a.*.c', 'a.b.d', false, false, false],
  ['*.*', 'a', false, false, false],
  ['*.*', 'a.b.c', false, false, true],
  ['', 'a', false, false, false],
]

for (const [has, required, exact, hierarchic, wildcard] of TABLE) {
  test(`a token with the scope "${has}" and a rule that requires "${required}"`, () => {
    const granted = (strategy: 'exact' | 'hierarchic' | 'wildcard') =>
      compileScopeCheck(strategy, [required])([has]) === undefined
    assert.deepEqual(
      [granted('exact'), granted('hierarchic'), granted('wildcard')],
      [exact, hierarchic, wildcard],
    )
  })
}

test('requires all scopes, and returns the first missing one (H10)', () => {
  const missing = compileScopeCheck('exact', ['a', 'b', 'c'])
  assert.equal(missing(['c', 'b', 'a', 'x']), undefined)
  assert.equal(missing(['a', 'c']), 'b')
  assert.equal(compileScopeCheck('exact', [])([]), undefined)
})
