/** Measures the cost of a Check by the number of Checks in flight: batches are what makes a Check cheap. */
import { credenceCase, goNoop, NOOP } from '../cases.ts'
import { heimdall } from '../heimdall.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

export const inFlight: BenchmarkGroup = {
  description:
    'a Check with 1,000 rules and 1, 8 and 64 in flight, both engines, against no-ops and Heimdall',
  async run(options) {
    const baselines = [NOOP, ...goNoop(), ...heimdall(1_000)]
    const benchmarks = [
      ...baselines,
      credenceCase(1_000),
      credenceCase(1_000, { name: 'Credence on grpc-js, 1,000 rules', engine: 'grpc-js' }),
    ]
    for (const maxInFlight of [1, 8, 64]) {
      console.log(`\n${maxInFlight} in flight:`)
      await compare({ benchmarks, baselines, load: { maxInFlight } }, options)
    }
  },
}
