/** bench/groups/hanging — remembered sessions while Kratos hangs and others wait for it, against the same without. */
import { counterIn, IDENTITY, sessionCheck } from '../checks.ts'
import { load } from '../compare.ts'
import type { Kind } from '../load.ts'
import type { Group } from './group.ts'
import { withServer } from './one_server.ts'

const body = sessionCheck(10)
const remembered: Kind = { name: 'remembered', bodies: [body.toString('base64')], wanted: IDENTITY }
const asked = sessionCheck(10, 'UNKNOWN0')
const strangers: Kind = {
  name: 'strangers',
  bodies: [asked.toString('base64')],
  counter: { at: counterIn(asked), from: 0 },
  wanted: 'error',
}

export const hanging: Group = {
  about: 'Kratos hangs: latency of remembered sessions against the same without',
  run: ({ seconds }) =>
    withServer({}, async (server, kratos) => {
      const job = (inFlight: number, kinds: readonly Kind[]) =>
        load({ target: server.address, inFlight, seconds: Math.max(1, seconds), kinds })
      await job(8, [remembered])
      const quiet = (await job(8, [remembered])).kinds.remembered
      kratos.delay = Number.POSITIVE_INFINITY
      const [during, waiting] = await Promise.all([job(8, [remembered]), job(64, [strangers])])
      const late = during.kinds.remembered
      const others = waiting.kinds.strangers
      console.log(`
| | Checks | wrong | p50 ms | p99 ms | slowest ms |
|---|---|---|---|---|---|
| remembered, Kratos well | ${quiet?.done} | ${quiet?.wrong} | ${quiet?.p50.toFixed(2)} | ${quiet?.p99.toFixed(2)} | ${quiet?.slowest.toFixed(1)} |
| remembered, Kratos hangs | ${late?.done} | ${late?.wrong} | ${late?.p50.toFixed(2)} | ${late?.p99.toFixed(2)} | ${late?.slowest.toFixed(1)} |
| 64 strangers, Kratos hangs | ${others?.done} | ${others?.wrong} | ${others?.p50.toFixed(0)} | ${others?.p99.toFixed(0)} | ${others?.slowest.toFixed(0)} |

${kratos.calls()} calls to Kratos.`)
    }),
}
