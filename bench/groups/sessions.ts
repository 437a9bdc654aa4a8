/** Measures a cached session, and a new session with every Check. */

import { credenceCase, NOOP } from '../cases.ts'
import type { BenchmarkCase } from '../compare.ts'
import { counterOffset, IDENTITY_ID, sessionCheck, sessionConfig, sessionRules } from '../rules_and_checks.ts'
import { startCredenceServer } from '../servers.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const CHECK = sessionCheck(10)

const CACHE_MISSES: BenchmarkCase = {
  name: 'a new session with each Check',
  start: kratos => startCredenceServer({ rules: sessionRules(10), config: sessionConfig(kratos.whoami) }),
  workload: {
    messages: [CHECK.toString('base64')],
    counter: { at: counterOffset(CHECK), from: 0 },
    expected: IDENTITY_ID,
  },
}

export const sessions: BenchmarkGroup = {
  description: 'cached sessions, and sessions that need a call to Kratos, against a no-op',
  run: options =>
    compare({ benchmarks: [NOOP, credenceCase(10, { name: 'one session, cached' }), CACHE_MISSES] }, options),
}
