/** Measures the memory of a cached session. */

import { runLoad } from '../load/load_generator.ts'
import { counterOffset, IDENTITY_ID, sessionCheck } from '../rules_and_checks.ts'
import { withServer } from '../single_server.ts'
import type { BenchmarkGroup } from './group.ts'

export const memory: BenchmarkGroup = {
  description: 'memory per cached session, with 100,000 sessions',
  run: ({ measureSeconds }) =>
    withServer({ sessions: { cache: { ttl: '10m' } } }, async (server, kratos) => {
      const check = sessionCheck(10)
      const send = async (checks: number, from: number) => {
        const { workloads } = await runLoad({
          target: server.address,
          maxInFlight: 64,
          seconds: 300,
          checks,
          workloads: [
            {
              name: 'new sessions',
              messages: [check.toString('base64')],
              counter: { at: counterOffset(check), from },
              expected: IDENTITY_ID,
            },
          ],
        })
        if ((workloads['new sessions']?.wrong ?? 0) > 0) throw new Error('some responses were wrong')
        return server.memoryMb()
      }
      const quick = measureSeconds < 1
      // The first load makes the engine allocate what it needs under load, which is not part of a session.
      const before = await send(quick ? 500 : 20_000, 0)
      const added = quick ? 1_000 : 80_000
      const after = await send(added, 20_000)
      const kbPerSession = ((after - before) * 1024) / added
      console.log(
        `\n${before.toFixed(0)} MB with 20,000 sessions, ${after.toFixed(0)} MB with ${added.toLocaleString('en')} more: ` +
          `${kbPerSession.toFixed(2)} KB a session; ${kratos.callCount()} calls to Kratos`,
      )
    }),
}
