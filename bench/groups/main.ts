/** bench/groups/main — the main job beside a no-op: cached session, one header, 10 to 10,000 rules. */
import { IDENTITY, rulesOf, sessionCheck, sessionConfig } from '../checks.ts'
import { compare, NOOP, type Row } from '../compare.ts'
import { startCredence, startPlain } from '../servers.ts'
import type { Group } from './group.ts'

const bytes = (engine: 'http2' | 'grpc-js'): Row => ({
  ...NOOP,
  name: `our engine on ${engine}, bytes in and out`,
  start: () => startPlain('bytes_server', engine),
})

export const credenceWith = (count: number, name = `Credence, ${count.toLocaleString('en')} rules`): Row => ({
  name,
  start: kratos => startCredence({ rules: rulesOf(count), config: sessionConfig(kratos.whoami) }),
  kind: { bodies: [sessionCheck(count).toString('base64')], wanted: IDENTITY },
})

export const main: Group = {
  about: 'cached session and one header with 10, 1,000 and 10,000 rules, against a no-op',
  run: effort =>
    compare(
      [NOOP, bytes('grpc-js'), bytes('http2'), ...[10, 1_000, 10_000].map(count => credenceWith(count))],
      effort,
    ),
}
