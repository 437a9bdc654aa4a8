/** bench/groups/flood — real users among invented cookies: whether they stay remembered, and what Kratos hears of it. */
import { counterOffset, IDENTITY_ID, sessionCheck } from '../checks.ts'
import { runLoad } from '../compare.ts'
import { INVALID_COOKIE_PREFIX } from '../kratos.ts'
import type { Workload } from '../load.ts'
import type { BenchmarkGroup } from './group.ts'
import { withServer } from './one_server.ts'

const REAL_USERS = 1_000
const body = sessionCheck(10)
const realUsers: Workload = {
  name: 'users',
  messages: Array.from({ length: REAL_USERS }, (_, i) => {
    const own = Buffer.from(body)
    own.write(String(i).padStart(8, '0'), counterOffset(own))
    return own.toString('base64')
  }),
  expected: IDENTITY_ID,
}
const invented = sessionCheck(10, INVALID_COOKIE_PREFIX)
const inventedCookies: Workload = {
  name: 'invented',
  weight: 9,
  messages: [invented.toString('base64')],
  counter: { at: counterOffset(invented), from: 0 },
  // A refusal has a body, whatever its status.
  expected: 'error',
}

export const flood: BenchmarkGroup = {
  description:
    '1,000 users among nine times as many invented cookies: calls to Kratos, wrong answers, latency',
  run: ({ measureSeconds: seconds }) =>
    withServer({}, async (server, kratos) => {
      const job = (kinds: readonly Workload[], time: number, checks?: number) =>
        runLoad({
          target: server.address,
          maxInFlight: 64,
          seconds: time,
          workloads: kinds,
          ...(checks === undefined ? {} : { checks }),
        })
      await job([realUsers], 60, REAL_USERS)
      const initialCalls = kratos.callCount()
      const usersAlone = (await job([realUsers], seconds)).workloads.users
      const callsBeforeFlood = kratos.callCount()
      const { workloads: kinds, seconds: elapsedSeconds } = await job([realUsers, inventedCookies], seconds)
      const calls = kratos.callCount() - callsBeforeFlood
      const resultOf = (name: string) => kinds[name] ?? { completed: 0, wrong: 0, p50Ms: 0, p99Ms: 0 }
      const [real, fake] = [resultOf('users'), resultOf('invented')]
      console.log(`
| | Checks | wrong | p50 ms | p99 ms |
|---|---|---|---|---|
| users alone | ${usersAlone?.completed} | ${usersAlone?.wrong} | ${usersAlone?.p50Ms.toFixed(1)} | ${usersAlone?.p99Ms.toFixed(1)} |
| users in the flood | ${real.completed} | ${real.wrong} | ${real.p50Ms.toFixed(1)} | ${real.p99Ms.toFixed(1)} |
| invented cookies | ${fake.completed} | ${fake.wrong} | ${fake.p50Ms.toFixed(1)} | ${fake.p99Ms.toFixed(1)} |

Kratos: ${initialCalls} calls for ${REAL_USERS} users, ${callsBeforeFlood - initialCalls} more while they were alone, ${calls} in the flood of ${elapsedSeconds.toFixed(1)} s
(${(calls / elapsedSeconds).toFixed(0)}/s; ${(calls / Math.max(1, fake.completed)).toFixed(3)} for each invented cookie).`)
    }),
}
