/** bench/groups/rules — regular expressions against globs, few rules and many. */
import { globRulesOf, IDENTITY, sessionCheck, sessionConfig } from '../checks.ts'
import { compare, type Row } from '../compare.ts'
import { startCredence } from '../servers.ts'
import type { Group } from './group.ts'
import { credenceWith } from './main.ts'

const globs = (count: number): Row => ({
  name: `glob, ${count.toLocaleString('en')} rules`,
  start: kratos =>
    startCredence({ rules: globRulesOf(count), config: sessionConfig(kratos.whoami), strategy: 'glob' }),
  kind: { bodies: [sessionCheck(count).toString('base64')], wanted: IDENTITY },
})

export const rules: Group = {
  about: 'regexp against glob, 10 and 10,000 rules of mixed shape (every tenth with any host)',
  run: effort =>
    compare(
      [
        credenceWith(10, 'regexp, 10 rules'),
        globs(10),
        credenceWith(10_000, 'regexp, 10,000 rules'),
        globs(10_000),
      ],
      effort,
    ),
}
