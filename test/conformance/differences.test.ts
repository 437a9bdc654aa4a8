/** test/conformance/differences — every oddity of Oathkeeper is decided and documented once, and what is said to be said is. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { INTENDED_DIFFERENCES } from './intended_differences.ts'
import { LEDGER } from './ledger.ts'
import { PRESERVED_QUIRKS } from './preserved_quirks.ts'

/** The numbers that are in use; the others were given back. */
const ODDITIES = [...range(1, 73), ...range(76, 86), ...range(90, 98)]

function* range(from: number, to: number): Iterable<string> {
  for (let n = from; n <= to; n++) yield `Q-${String(n).padStart(2, '0')}`
}

test('every oddity is better here, differs in a recorded decision, or is kept', () => {
  const decided = new Set([...INTENDED_DIFFERENCES, ...LEDGER, ...PRESERVED_QUIRKS].map(one => one.q))
  assert.deepEqual(
    ODDITIES.filter(q => !decided.has(q)),
    [],
  )
  const known = new Set(ODDITIES)
  const unknown = [...decided].filter(q => q.startsWith('Q-') && !known.has(q))
  assert.deepEqual(unknown, [])
})

test('an oddity is kept or better, not both, but where one says the rest', () => {
  const both = PRESERVED_QUIRKS.filter(one => INTENDED_DIFFERENCES.some(other => other.q === one.q)).map(
    one => one.q,
  )
  // The dialect with its exceptions; Kratos beside other endpoints.
  assert.deepEqual(
    both.filter(q => !['Q-22', 'Q-50'].includes(q)),
    [],
  )
})

test('what validate is said to say is tried in lints.test.ts or in the golden files', () => {
  const tried = readFileSync(new URL('./lints.test.ts', import.meta.url), 'utf8')
  const elsewhere = ['Q-07', 'Q-22']
  const missing = PRESERVED_QUIRKS.filter(
    one => one.linted && !elsewhere.includes(one.q) && !tried.includes(`'${one.q}'`),
  )
  assert.deepEqual(
    missing.map(one => one.q),
    [],
  )
})
