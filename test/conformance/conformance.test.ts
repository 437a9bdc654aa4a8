/** Every recorded decision of Oathkeeper is compared with that of the running service; each difference must be in the ledger. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { readCases } from './case.ts'
import { LEDGER } from './ledger.ts'
import { runMetricsCase } from './metrics_case.ts'
import { runCase } from './run_case.ts'

const inLedger = new Map(LEDGER.flatMap(one => one.cases.map(id => [id, one.q] as const)))
/** Runs only cases whose id contains this text: `CREDENCE_CASES=mutate.header`. */
const caseFilter = process.env.CREDENCE_CASES ?? ''

for (const [area, cases] of readCases()) {
  const chosen = cases.filter(one => one.id.includes(caseFilter))
  if (chosen.length === 0) continue
  test(area, async t => {
    const counts = { passed: 0, alternative: 0, ledger: 0 }
    const failures: string[] = []
    for (const one of chosen) {
      const run = one.kind === 'unit' ? runMetricsCase : runCase
      const { differences, alternative } = await run(one).catch((error: Error) => ({
        differences: [`unexpected error: ${error.message}`],
        alternative: undefined,
      }))
      const q = inLedger.get(one.id)
      if (differences.length === 0 && q !== undefined)
        failures.push(`${one.id}: is in the ledger (${q}) but does not differ`)
      else if (differences.length === 0 && alternative !== undefined) counts.alternative++
      else if (differences.length === 0) counts.passed++
      else if (q !== undefined) counts.ledger++
      else failures.push(`${one.id} ${one.oddity ?? ''}: ${differences.slice(0, 3).join('; ').slice(0, 600)}`)
    }
    const { passed, alternative, ledger } = counts
    t.diagnostic(
      `${area}: ${passed} passed, ${alternative} by a permitted alternative, ${ledger} in the ledger, ${failures.length} failed`,
    )
    assert.deepEqual(failures, [])
  })
}

test('every case of the ledger exists', () => {
  const ids = new Set([...readCases().values()].flatMap(cases => cases.map(one => one.id)))
  assert.deepEqual(
    [...inLedger.keys()].filter(id => !ids.has(id)),
    [],
  )
})
