/** Measures the latency of cached sessions while Kratos does not respond and uncached sessions wait for it. */

import type { Workload } from '../load/job.ts'
import { runLoad } from '../load/load_generator.ts'
import { counterOffset, IDENTITY_ID, sessionCheck } from '../rules_and_checks.ts'
import { withServer } from '../single_server.ts'
import type { BenchmarkGroup } from './group.ts'

const cachedCheck = sessionCheck(10)
const cachedSession: Workload = {
  name: 'cached',
  messages: [cachedCheck.toString('base64')],
  expected: IDENTITY_ID,
}
const uncachedCheck = sessionCheck(10, 'UNKNOWN0')
const uncachedSessions: Workload = {
  name: 'uncached',
  messages: [uncachedCheck.toString('base64')],
  counter: { at: counterOffset(uncachedCheck), from: 0 },
  expected: 'error',
}

export const hanging: BenchmarkGroup = {
  description: 'latency of cached sessions with and without a Kratos that does not respond',
  run: ({ measureSeconds: seconds }) =>
    withServer({}, async (server, kratos) => {
      const job = (maxInFlight: number, workloads: readonly Workload[]) =>
        runLoad({
          target: server.address,
          maxInFlight,
          seconds: Math.max(1, seconds),
          workloads,
        })
      await job(8, [cachedSession])
      const before = (await job(8, [cachedSession])).workloads.cached
      kratos.delayMs = Number.POSITIVE_INFINITY
      const [during, waiting] = await Promise.all([job(8, [cachedSession]), job(64, [uncachedSessions])])
      const cachedDuring = during.workloads.cached
      const uncachedDuring = waiting.workloads.uncached
      console.log(`
| | Checks | wrong | p50 ms | p99 ms | slowest ms |
|---|---|---|---|---|---|
| cached, Kratos responds | ${before?.completed} | ${before?.wrong} | ${before?.p50Ms.toFixed(2)} | ${before?.p99Ms.toFixed(2)} | ${before?.maxMs.toFixed(1)} |
| cached, Kratos hangs | ${cachedDuring?.completed} | ${cachedDuring?.wrong} | ${cachedDuring?.p50Ms.toFixed(2)} | ${cachedDuring?.p99Ms.toFixed(2)} | ${cachedDuring?.maxMs.toFixed(1)} |
| 64 uncached, Kratos hangs | ${uncachedDuring?.completed} | ${uncachedDuring?.wrong} | ${uncachedDuring?.p50Ms.toFixed(0)} | ${uncachedDuring?.p99Ms.toFixed(0)} | ${uncachedDuring?.maxMs.toFixed(0)} |

${kratos.callCount()} calls to Kratos.`)
    }),
}
