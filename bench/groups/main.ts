/** Measures a Check with a cached session and one header, with 10 to 10,000 rules, against a no-op server. */

import { type BenchmarkCase, compare, NOOP } from '../compare.ts'
import { IDENTITY_ID, sessionCheck, sessionConfig, sessionRules } from '../rules_and_checks.ts'
import { startCredenceServer, startReferenceServer } from '../servers.ts'
import type { BenchmarkGroup } from './group.ts'

const engineCase = (engine: 'native' | 'grpc-js'): BenchmarkCase => ({
  ...NOOP,
  name: `our engine on ${engine}, bytes in and out`,
  start: () => startReferenceServer('engine_server', engine),
})

export const credenceCase = (
  count: number,
  name = `Credence, ${count.toLocaleString('en')} rules`,
): BenchmarkCase => ({
  name,
  start: kratos => startCredenceServer({ rules: sessionRules(count), config: sessionConfig(kratos.whoami) }),
  workload: { messages: [sessionCheck(count).toString('base64')], expected: IDENTITY_ID },
})

export const main: BenchmarkGroup = {
  description: 'cached session and one header with 10, 1,000 and 10,000 rules, against a no-op',
  run: options =>
    compare(
      [
        NOOP,
        engineCase('grpc-js'),
        engineCase('native'),
        ...[10, 1_000, 10_000].map(count => credenceCase(count)),
      ],
      options,
    ),
}
