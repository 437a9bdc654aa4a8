/** bench/groups/hanging — remembered sessions while Kratos hangs and others wait for it, against the same without. */
import { counterOffset, IDENTITY_ID, sessionCheck } from '../checks.ts'
import { runLoad } from '../compare.ts'
import type { Workload } from '../load.ts'
import type { BenchmarkGroup } from './group.ts'
import { withServer } from './one_server.ts'

const body = sessionCheck(10)
const cachedSession: Workload = {
  name: 'remembered',
  messages: [body.toString('base64')],
  expected: IDENTITY_ID,
}
const uncachedCheck = sessionCheck(10, 'UNKNOWN0')
const uncachedSessions: Workload = {
  name: 'strangers',
  messages: [uncachedCheck.toString('base64')],
  counter: { at: counterOffset(uncachedCheck), from: 0 },
  expected: 'error',
}

export const hanging: BenchmarkGroup = {
  description: 'Kratos hangs: latency of remembered sessions against the same without',
  run: ({ measureSeconds: seconds }) =>
    withServer({}, async (server, kratos) => {
      const job = (inFlight: number, kinds: readonly Workload[]) =>
        runLoad({
          target: server.address,
          maxInFlight: inFlight,
          seconds: Math.max(1, seconds),
          workloads: kinds,
        })
      await job(8, [cachedSession])
      const before = (await job(8, [cachedSession])).workloads.remembered
      kratos.delayMs = Number.POSITIVE_INFINITY
      const [during, waiting] = await Promise.all([job(8, [cachedSession]), job(64, [uncachedSessions])])
      const cachedDuring = during.workloads.remembered
      const uncachedDuring = waiting.workloads.strangers
      console.log(`
| | Checks | wrong | p50 ms | p99 ms | slowest ms |
|---|---|---|---|---|---|
| remembered, Kratos well | ${before?.completed} | ${before?.wrong} | ${before?.p50Ms.toFixed(2)} | ${before?.p99Ms.toFixed(2)} | ${before?.maxMs.toFixed(1)} |
| remembered, Kratos hangs | ${cachedDuring?.completed} | ${cachedDuring?.wrong} | ${cachedDuring?.p50Ms.toFixed(2)} | ${cachedDuring?.p99Ms.toFixed(2)} | ${cachedDuring?.maxMs.toFixed(1)} |
| 64 strangers, Kratos hangs | ${uncachedDuring?.completed} | ${uncachedDuring?.wrong} | ${uncachedDuring?.p50Ms.toFixed(0)} | ${uncachedDuring?.p99Ms.toFixed(0)} | ${uncachedDuring?.maxMs.toFixed(0)} |

${kratos.callCount()} calls to Kratos.`)
    }),
}
