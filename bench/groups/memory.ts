/** bench/groups/memory — what a remembered session takes. */
import { counterOffset, IDENTITY_ID, sessionCheck } from '../checks.ts'
import { runLoad } from '../compare.ts'
import type { BenchmarkGroup } from './group.ts'
import { withServer } from './one_server.ts'

export const memory: BenchmarkGroup = {
  description: '100,000 distinct sessions: memory a session',
  run: ({ measureSeconds: seconds }) =>
    withServer({ sessions: { cache: { ttl: '10m' } } }, async (server, kratos) => {
      const body = sessionCheck(10)
      const send = async (checks: number, from: number) => {
        const { workloads: kinds } = await runLoad({
          target: server.address,
          maxInFlight: 64,
          seconds: 300,
          checks,
          workloads: [
            {
              name: 'each new',
              messages: [body.toString('base64')],
              counter: { at: counterOffset(body), from },
              expected: IDENTITY_ID,
            },
          ],
        })
        if ((kinds['each new']?.wrong ?? 0) > 0) throw new Error('some answers were wrong')
        return server.memoryMb()
      }
      const quick = seconds < 1
      // What the engine takes under load is there before the counting begins.
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
