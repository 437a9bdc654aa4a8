/** config/restart — settings that were changed while the service runs and are only read at its start. Knows two configurations, starts nothing. */

import { SETTINGS } from '../config/settings.ts'
import { type Diagnostic, formatPath } from '../documents/issue.ts'
import type { Config } from './config.ts'
import { jwksTimingOf } from './options.ts'

/** Names each by its key and never by its value, which may be a secret. */
export function changesPendingRestart(running: Config, current: Config): Diagnostic[] {
  const paths = SETTINGS.filter(
    ({ path, live, idle }) =>
      !live && idle === undefined && differs(running.value(path), current.value(path)),
  ).map(({ path }) => path.split('.'))
  const jwt = ['authenticators', 'jwt', 'config']
  const [before, after] = [jwksTimingOf(running), jwksTimingOf(current)]
  if (before.ttl !== after.ttl) paths.push([...jwt, 'jwks_ttl'])
  if (before.maxWait !== after.maxWait) paths.push([...jwt, 'jwks_max_wait'])
  return paths.map(path => ({
    severity: 'warning',
    ...current.place(path),
    path: formatPath(path),
    message: 'changed, and takes effect at the next start',
    hint: 'restart the service',
  }))
}

const differs = (before: unknown, after: unknown): boolean => JSON.stringify(before) !== JSON.stringify(after)
