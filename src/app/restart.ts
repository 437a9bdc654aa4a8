/** config/restart — settings that were changed while the service runs and are only read at its start. Knows two configurations, starts nothing. */

import { SETTINGS } from '../config/settings.ts'
import { formatPath, type Issue } from '../documents/issue.ts'
import type { Config } from './config.ts'
import { keyTimesOf } from './options.ts'

/** Names each by its key and never by its value, which may be a secret. */
export function waitingForRestart(started: Config, now: Config): Issue[] {
  const paths = SETTINGS.filter(
    ({ path, live, idle }) => !live && idle === undefined && differ(started.value(path), now.value(path)),
  ).map(({ path }) => path.split('.'))
  const jwt = ['authenticators', 'jwt', 'config']
  const [before, after] = [keyTimesOf(started), keyTimesOf(now)]
  if (before.ttl !== after.ttl) paths.push([...jwt, 'jwks_ttl'])
  if (before.maxWait !== after.maxWait) paths.push([...jwt, 'jwks_max_wait'])
  return paths.map(path => ({
    severity: 'warning',
    ...now.place(path),
    path: formatPath(path),
    message: 'changed, and takes effect at the next start',
    hint: 'restart the service',
  }))
}

const differ = (before: unknown, after: unknown): boolean => JSON.stringify(before) !== JSON.stringify(after)
