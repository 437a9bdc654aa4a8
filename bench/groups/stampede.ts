/** Measures how many calls to Kratos concurrent Checks with one uncached session cause. */

import { runLoad } from '../load/load_generator.ts'
import { IDENTITY_ID, sessionCheck } from '../rules_and_checks.ts'
import { withServer } from '../single_server.ts'
import type { BenchmarkGroup } from './group.ts'

const CONCURRENT_CHECKS = 1_000

export const stampede: BenchmarkGroup = {
  description: 'calls to Kratos for 1,000 concurrent Checks with one uncached session',
  run: () =>
    withServer({}, async (server, kratos) => {
      kratos.delayMs = 50
      const messages = [sessionCheck(10).toString('base64')]
      const { workloads } = await runLoad({
        target: server.address,
        maxInFlight: CONCURRENT_CHECKS,
        seconds: 10,
        checks: CONCURRENT_CHECKS,
        workloads: [{ name: 'same', messages, expected: IDENTITY_ID }],
      })
      const {
        completed: done,
        wrong,
        maxMs: slowest,
      } = workloads.same ?? { completed: 0, wrong: 0, maxMs: 0 }
      console.log(
        `\n${done} Checks (${wrong} wrong), Kratos responds after 50 ms: ${kratos.callCount()} calls to Kratos, slowest Check ${slowest.toFixed(0)} ms`,
      )
    }),
}
