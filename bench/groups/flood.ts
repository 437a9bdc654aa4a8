/** Measures whether a flood of invalid cookies evicts the sessions of users, slows them down, or reaches Kratos. */

import { INVALID_COOKIE_PREFIX } from '../fake_kratos.ts'
import type { Workload } from '../load/job.ts'
import { runLoad } from '../load/load_generator.ts'
import { counterOffset, IDENTITY_ID, sessionCheck } from '../rules_and_checks.ts'
import { withServer } from '../single_server.ts'
import type { BenchmarkGroup } from './group.ts'

const REAL_USERS = 1_000
const check = sessionCheck(10)
const realUsers: Workload = {
  name: 'users',
  messages: Array.from({ length: REAL_USERS }, (_, i) => {
    const message = Buffer.from(check)
    message.write(String(i).padStart(8, '0'), counterOffset(message))
    return message.toString('base64')
  }),
  expected: IDENTITY_ID,
}
const invalid = sessionCheck(10, INVALID_COOKIE_PREFIX)
const invalidCookies: Workload = {
  name: 'invalid',
  weight: 9,
  messages: [invalid.toString('base64')],
  counter: { at: counterOffset(invalid), from: 0 },
  // Every denial has a JSON body with this member, whatever its status.
  expected: 'error',
}

export const flood: BenchmarkGroup = {
  description:
    '1,000 users and nine times as many Checks with invalid cookies: latency, wrong responses, calls to Kratos',
  run: ({ measureSeconds }) =>
    withServer({}, async (server, kratos) => {
      const job = (workloads: readonly Workload[], seconds: number, checks?: number) =>
        runLoad({
          target: server.address,
          maxInFlight: 64,
          seconds,
          workloads,
          ...(checks === undefined ? {} : { checks }),
        })
      await job([realUsers], 60, REAL_USERS)
      const initialCalls = kratos.callCount()
      const usersAlone = (await job([realUsers], measureSeconds)).workloads.users
      const callsBeforeFlood = kratos.callCount()
      const { workloads, seconds: elapsedSeconds } = await job([realUsers, invalidCookies], measureSeconds)
      const calls = kratos.callCount() - callsBeforeFlood
      const resultOf = (name: string) => workloads[name] ?? { completed: 0, wrong: 0, p50Ms: 0, p99Ms: 0 }
      const [users, invalidResult] = [resultOf('users'), resultOf('invalid')]
      console.log(`
| | Checks | wrong | p50 ms | p99 ms |
|---|---|---|---|---|
| users alone | ${usersAlone?.completed} | ${usersAlone?.wrong} | ${usersAlone?.p50Ms.toFixed(1)} | ${usersAlone?.p99Ms.toFixed(1)} |
| users during the flood | ${users.completed} | ${users.wrong} | ${users.p50Ms.toFixed(1)} | ${users.p99Ms.toFixed(1)} |
| invalid cookies | ${invalidResult.completed} | ${invalidResult.wrong} | ${invalidResult.p50Ms.toFixed(1)} | ${invalidResult.p99Ms.toFixed(1)} |

Kratos: ${initialCalls} calls for ${REAL_USERS} users, ${callsBeforeFlood - initialCalls} more without the flood, ${calls} during the flood of ${elapsedSeconds.toFixed(1)} s
(${(calls / elapsedSeconds).toFixed(0)}/s; ${(calls / Math.max(1, invalidResult.completed)).toFixed(3)} for each invalid cookie).`)
    }),
}
