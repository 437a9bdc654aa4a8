/** Measures latencies at a fixed rate, counted from the moment at which each Check was due. */
import { credenceCase, goNoop, NOOP } from '../cases.ts'
import { heimdall } from '../heimdall.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const CHECKS_PER_SECOND = 1_000

export const latency: BenchmarkGroup = {
  description: 'p50 and p99 at 1,000 Checks a second (open loop), both engines, against no-ops and Heimdall',
  run(options) {
    const baselines = [NOOP, ...goNoop(), ...heimdall(1_000)]
    const benchmarks = [
      ...baselines,
      credenceCase(1_000),
      credenceCase(10_000),
      credenceCase(1_000, { name: 'Credence on grpc-js, 1,000 rules', engine: 'grpc-js' }),
    ]
    return compare({ benchmarks, baselines, load: { ratePerSecond: CHECKS_PER_SECOND } }, options)
  },
}
