/** bench/groups/sessions — a session that is remembered, and one that is new with every Check. */
import { counterIn, IDENTITY, rulesOf, sessionCheck, sessionConfig } from '../checks.ts'
import { compare, NOOP, type Row } from '../compare.ts'
import { startCredence } from '../servers.ts'
import type { Group } from './group.ts'
import { credenceWith } from './main.ts'

const CHECK = sessionCheck(10)

const MISSES: Row = {
  name: 'each session new: one call to Kratos a Check',
  start: kratos => startCredence({ rules: rulesOf(10), config: sessionConfig(kratos.whoami) }),
  kind: {
    bodies: [CHECK.toString('base64')],
    counter: { at: counterIn(CHECK), from: 0 },
    wanted: IDENTITY,
  },
}

export const sessions: Group = {
  about: 'remembered sessions, and sessions of which Kratos must be asked, against a no-op',
  run: effort => compare([NOOP, credenceWith(10, 'one session, remembered'), MISSES], effort),
}
