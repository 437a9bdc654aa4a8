/** Measures a Check with a cached session and one header, with 10 to 10,000 rules, against servers that do nothing and Heimdall. */
import { credenceCase, engineCase, goNoop, NOOP } from '../cases.ts'
import { heimdall } from '../heimdall.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

export const main: BenchmarkGroup = {
  description:
    'cached session and one header with 10, 1,000 and 10,000 rules, both engines, against no-ops and Heimdall',
  run(options) {
    const others = [NOOP, ...goNoop(), ...heimdall(1_000)]
    const smallest = credenceCase(10)
    const benchmarks = [
      ...others,
      engineCase('native'),
      smallest,
      ...[1_000, 10_000].map(count => credenceCase(count)),
      ...[10, 1_000, 10_000].map(count =>
        credenceCase(count, {
          name: `Credence on grpc-js, ${count.toLocaleString('en')} rules`,
          engine: 'grpc-js',
        }),
      ),
    ]
    return compare({ benchmarks, baselines: [...others, smallest] }, options)
  },
}
