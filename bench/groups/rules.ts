/** Measures regular expressions against globs, with 10 and 10,000 rules. */

import { type BenchmarkCase, compare } from '../compare.ts'
import { globRules, IDENTITY_ID, sessionCheck, sessionConfig } from '../rules_and_checks.ts'
import { startCredenceServer } from '../servers.ts'
import type { BenchmarkGroup } from './group.ts'
import { credenceCase } from './main.ts'

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
      [
        credenceCase(10, 'regexp, 10 rules'),
        globCase(10),
        credenceCase(10_000, 'regexp, 10,000 rules'),
        globCase(10_000),
      ],
      options,
    ),
}
