/** bench/groups/stampede — many Checks at once with one session that nobody knows yet. */
import { IDENTITY_ID, sessionCheck } from '../checks.ts'
import { runLoad } from '../compare.ts'
import type { BenchmarkGroup } from './group.ts'
import { withServer } from './one_server.ts'

const CONCURRENT_CHECKS = 1_000

export const stampede: BenchmarkGroup = {
  description: '1,000 concurrent Checks with one new session: calls to Kratos',
  run: () =>
    withServer({}, async (server, kratos) => {
      kratos.delayMs = 50
      const bodies = [sessionCheck(10).toString('base64')]
      const { workloads: kinds } = await runLoad({
        target: server.address,
        maxInFlight: CONCURRENT_CHECKS,
        seconds: 10,
        checks: CONCURRENT_CHECKS,
        workloads: [{ name: 'same', messages: bodies, expected: IDENTITY_ID }],
      })
      const { completed: done, wrong, maxMs: slowest } = kinds.same ?? { completed: 0, wrong: 0, maxMs: 0 }
      console.log(
        `\n${done} Checks (${wrong} wrong), Kratos answers after 50 ms: ${kratos.callCount()} call to Kratos, slowest Check ${slowest.toFixed(0)} ms`,
      )
    }),
}
