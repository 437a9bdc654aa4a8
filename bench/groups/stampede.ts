/** bench/groups/stampede — many Checks at once with one session that nobody knows yet. */
import { IDENTITY, sessionCheck } from '../checks.ts'
import { load } from '../compare.ts'
import type { Group } from './group.ts'
import { withServer } from './one_server.ts'

const MANY = 1_000

export const stampede: Group = {
  about: '1,000 concurrent Checks with one new session: calls to Kratos',
  run: () =>
    withServer({}, async (server, kratos) => {
      kratos.delay = 50
      const bodies = [sessionCheck(10).toString('base64')]
      const { kinds } = await load({
        target: server.address,
        inFlight: MANY,
        seconds: 10,
        checks: MANY,
        kinds: [{ name: 'same', bodies, wanted: IDENTITY }],
      })
      const { done, wrong, slowest } = kinds.same ?? { done: 0, wrong: 0, slowest: 0 }
      console.log(
        `\n${done} Checks (${wrong} wrong), Kratos answers after 50 ms: ${kratos.calls()} call to Kratos, slowest Check ${slowest.toFixed(0)} ms`,
      )
    }),
}
