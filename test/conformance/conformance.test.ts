/** test/conformance — every recorded decision of Oathkeeper against the running server; what differs must stand in the ledger. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { readCases } from './case.ts'
import { LEDGER } from './ledger.ts'
import { runCase } from './run.ts'
import { runMetricsCase } from './unit_cases.ts'

const inLedger = new Map(LEDGER.flatMap(one => one.cases.map(id => [id, one.q] as const)))
/** `CREDENCE_CASES=mutate.header node …`: areas or ids that contain this. */
const caseFilter = process.env.CREDENCE_CASES ?? ''

for (const [area, cases] of readCases()) {
  const chosen = cases.filter(one => one.id.includes(caseFilter))
  if (chosen.length === 0) continue
  test(area, async t => {
    const counts = { passed: 0, better: 0, ledger: 0 }
    const failures: string[] = []
    for (const one of chosen) {
      const run = one.kind === 'unit' ? runMetricsCase : runCase
      const { differences, alternative } = await run(one).catch((error: Error) => ({
        differences: [`accident: ${error.message}`],
        alternative: undefined,
      }))
      const q = inLedger.get(one.id)
      if (differences.length === 0 && q !== undefined)
        failures.push(`${one.id}: stands in the ledger (${q}) but does not differ`)
      else if (differences.length === 0 && alternative !== undefined) counts.better++
      else if (differences.length === 0) counts.passed++
      else if (q !== undefined) counts.ledger++
      else failures.push(`${one.id} ${one.oddity ?? ''}: ${differences.slice(0, 3).join('; ').slice(0, 600)}`)
    }
    const { passed, better, ledger } = counts
    t.diagnostic(
      `${area}: ${passed} passed, ${better} by a permitted better behaviour, ${ledger} in the ledger, ${failures.length} failed`,
    )
    assert.deepEqual(failures, [])
  })
}

test('the ledger names cases that there are', () => {
  const ids = new Set([...readCases().values()].flatMap(cases => cases.map(one => one.id)))
  assert.deepEqual(
    [...inLedger.keys()].filter(id => !ids.has(id)),
    [],
  )
})
