/** Measures regular expressions against globs, with 10 and 10,000 rules. */

import { credenceCase } from '../cases.ts'
import type { BenchmarkCase } from '../compare.ts'
import { globRules, IDENTITY_ID, sessionCheck, sessionConfig } from '../rules_and_checks.ts'
import { startCredenceServer } from '../servers.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const globCase = (count: number): BenchmarkCase => ({
  name: `glob, ${count.toLocaleString('en')} rules`,
  start: kratos =>
    startCredenceServer({ rules: globRules(count), config: sessionConfig(kratos.whoami), strategy: 'glob' }),
  workload: { messages: [sessionCheck(count).toString('base64')], expected: IDENTITY_ID },
})

export const rules: BenchmarkGroup = {
  description: 'regexp against glob, 10 and 10,000 rules of mixed shape (every tenth with any host)',
  run: options =>
    compare(
      {
        benchmarks: [
          credenceCase(10, { name: 'regexp, 10 rules' }),
          globCase(10),
          credenceCase(10_000, { name: 'regexp, 10,000 rules' }),
          globCase(10_000),
        ],
      },
      options,
    ),
}
