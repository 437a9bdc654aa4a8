/** bench/groups/sessions — a session that is remembered, and one that is new with every Check. */
import { counterOffset, IDENTITY_ID, sessionCheck, sessionConfig, sessionRules } from '../checks.ts'
import { type BenchmarkCase, compare, NOOP } from '../compare.ts'
import { startCredenceServer } from '../servers.ts'
import type { BenchmarkGroup } from './group.ts'
import { credenceCase } from './main.ts'

const CHECK = sessionCheck(10)

const CACHE_MISSES: BenchmarkCase = {
  name: 'each session new: one call to Kratos a Check',
  start: kratos => startCredenceServer({ rules: sessionRules(10), config: sessionConfig(kratos.whoami) }),
  workload: {
    messages: [CHECK.toString('base64')],
    counter: { at: counterOffset(CHECK), from: 0 },
    expected: IDENTITY_ID,
  },
}

export const sessions: BenchmarkGroup = {
  description: 'remembered sessions, and sessions of which Kratos must be asked, against a no-op',
  run: options => compare([NOOP, credenceCase(10, 'one session, remembered'), CACHE_MISSES], options),
}
