/** Migrates rules that were written for older versions of Oathkeeper, as Oathkeeper does when it loads them. */
import { isRecord, type JsonValue } from '../golang/index.ts'
import type { AccessRule, HandlerEntry } from './document.ts'

/** Rewrites the handler configurations that changed since `rule.version`. A rule without a version is current. */
export function migrateRule(rule: AccessRule): AccessRule {
  if (rule.version === '') return rule
  let migrated = rule
  if (!isNewer(rule.version, '0.32.0-beta.1')) {
    migrated = { ...migrated, mutators: migrated.mutators.map(migrateHydratorRetry) }
  }
  if (!isNewer(rule.version, '0.37.0')) {
    const { authorizer, authorizers } = migrated
    migrated = {
      ...migrated,
      authorizer: authorizer && migrateKetoCaptures(authorizer),
      authorizers: authorizers?.map(migrateKetoCaptures),
    }
  }
  return migrated
}

/**
 * Turns the numbers of `config.retry` into durations. The key stays where it is, as in Oathkeeper's migration, although the
 * current hydrator reads `config.api.retry`.
 */
function migrateHydratorRetry(entry: HandlerEntry): HandlerEntry {
  const config = entry.config as JsonValue | undefined
  if (entry.handler !== 'hydrator' || !isRecord(config) || !isRecord(config.retry)) return entry
  const { delay_in_milliseconds: delay, number_of_retries: retries, ...rest } = config.retry
  const delayMs = typeof delay === 'number' ? delay : 100
  return {
    ...entry,
    config: {
      ...config,
      retry: {
        ...rest,
        ...(typeof delay === 'number' ? { max_delay: `${delay}ms` } : {}),
        ...(typeof retries === 'number' ? { give_up_after: `${retries * delayMs}ms` } : {}),
      },
    },
  }
}

/** Replaces `$1` by the template that prints the first capture. */
function migrateKetoCaptures(entry: HandlerEntry): HandlerEntry {
  const config = entry.config as JsonValue | undefined
  if (entry.handler !== 'keto_engine_acp_ory' || !isRecord(config)) return entry
  const rewrite = (value: unknown) =>
    typeof value === 'string'
      ? value.replace(
          /\$(\d+)/g,
          (_all, n: string) => `{{ printIndex .MatchContext.RegexpCaptureGroups (sub ${n} 1 | int)}}`,
        )
      : value
  const { required_action: action, required_resource: resource } = config
  return {
    ...entry,
    config: {
      ...config,
      ...(action === undefined ? {} : { required_action: rewrite(action) }),
      ...(resource === undefined ? {} : { required_resource: rewrite(resource) }),
    },
  }
}

/** Whether `a` has precedence over `b` (semver.org, section 11). */
function isNewer(a: string, b: string): boolean {
  const [left, right] = [versionParts(a), versionParts(b)]
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  if (left.pre === '' || right.pre === '') return left.pre === '' && right.pre !== ''
  return left.pre.localeCompare(right.pre, 'en', { numeric: true }) > 0
}

function versionParts(version: string) {
  const [core = '', pre = ''] = version.replace(/^v/, '').replace(/\+.*$/, '').split(/-(.*)/s)
  return { numbers: core.split('.').map(Number), pre }
}
