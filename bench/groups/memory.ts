/** bench/groups/memory — what a remembered session takes. */
import { counterIn, IDENTITY, sessionCheck } from '../checks.ts'
import { load } from '../compare.ts'
import type { Group } from './group.ts'
import { withServer } from './one_server.ts'

export const memory: Group = {
  about: '100,000 distinct sessions: memory a session',
  run: ({ seconds }) =>
    withServer({ sessions: { cache: { ttl: '10m' } } }, async (server, kratos) => {
      const body = sessionCheck(10)
      const send = async (checks: number, from: number) => {
        const { kinds } = await load({
          target: server.address,
          inFlight: 64,
          seconds: 300,
          checks,
          kinds: [
            {
              name: 'each new',
              bodies: [body.toString('base64')],
              counter: { at: counterIn(body), from },
              wanted: IDENTITY,
            },
          ],
        })
        if ((kinds['each new']?.wrong ?? 0) > 0) throw new Error('some answers were wrong')
        return server.memory()
      }
      const few = seconds < 1
      // What the engine takes under load is there before the counting begins.
      const before = await send(few ? 500 : 20_000, 0)
      const more = few ? 1_000 : 80_000
      const after = await send(more, 20_000)
      const each = ((after - before) * 1024) / more
      console.log(
        `\n${before.toFixed(0)} MB with 20,000 sessions, ${after.toFixed(0)} MB with ${more.toLocaleString('en')} more: ` +
          `${each.toFixed(2)} KB a session; ${kratos.calls()} calls to Kratos`,
      )
    }),
}
