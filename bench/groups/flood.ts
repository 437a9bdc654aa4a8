/** bench/groups/flood — real users among invented cookies: whether they stay remembered, and what Kratos hears of it. */
import { counterIn, IDENTITY, sessionCheck } from '../checks.ts'
import { load } from '../compare.ts'
import { INVENTED } from '../kratos.ts'
import type { Kind } from '../load.ts'
import type { Group } from './group.ts'
import { withServer } from './one_server.ts'

const REAL = 1_000
const body = sessionCheck(10)
const users: Kind = {
  name: 'users',
  bodies: Array.from({ length: REAL }, (_, i) => {
    const own = Buffer.from(body)
    own.write(String(i).padStart(8, '0'), counterIn(own))
    return own.toString('base64')
  }),
  wanted: IDENTITY,
}
const invented = sessionCheck(10, INVENTED)
const flooding: Kind = {
  name: 'invented',
  weight: 9,
  bodies: [invented.toString('base64')],
  counter: { at: counterIn(invented), from: 0 },
  // A refusal has a body, whatever its status.
  wanted: 'error',
}

export const flood: Group = {
  about: '1,000 users among nine times as many invented cookies: calls to Kratos, wrong answers, latency',
  run: ({ seconds }) =>
    withServer({}, async (server, kratos) => {
      const job = (kinds: readonly Kind[], time: number, checks?: number) =>
        load({
          target: server.address,
          inFlight: 64,
          seconds: time,
          kinds,
          ...(checks === undefined ? {} : { checks }),
        })
      await job([users], 60, REAL)
      const known = kratos.calls()
      const quiet = (await job([users], seconds)).kinds.users
      const without = kratos.calls()
      const { kinds, seconds: took } = await job([users, flooding], seconds)
      const calls = kratos.calls() - without
      const of = (name: string) => kinds[name] ?? { done: 0, wrong: 0, p50: 0, p99: 0 }
      const [real, fake] = [of('users'), of('invented')]
      console.log(`
| | Checks | wrong | p50 ms | p99 ms |
|---|---|---|---|---|
| users alone | ${quiet?.done} | ${quiet?.wrong} | ${quiet?.p50.toFixed(1)} | ${quiet?.p99.toFixed(1)} |
| users in the flood | ${real.done} | ${real.wrong} | ${real.p50.toFixed(1)} | ${real.p99.toFixed(1)} |
| invented cookies | ${fake.done} | ${fake.wrong} | ${fake.p50.toFixed(1)} | ${fake.p99.toFixed(1)} |

Kratos: ${known} calls for ${REAL} users, ${without - known} more while they were alone, ${calls} in the flood of ${took.toFixed(1)} s
(${(calls / took).toFixed(0)}/s; ${(calls / Math.max(1, fake.done)).toFixed(3)} for each invented cookie).`)
    }),
}
