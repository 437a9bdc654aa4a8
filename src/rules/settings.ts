/** Settings of rule repositories and of how rules match. */
import { type SettingValues, setting } from '../config/setting.ts'
import { constrained, duration, flag, list, oneOf, text } from '../config/value_types.ts'
import type { PathMode } from '../http/request_target.ts'

/** A shorter interval would load the repositories' servers without benefit. */
const MIN_POLL_INTERVAL_MS = 1_000

export const ruleSettings = {
  repositories: setting('access_rules.repositories', list(), {
    default: [],
    description:
      'Where rules are read from: file://, http(s)://, inline://, s3://, gs:// and azblob:// URLs.',
    reloadable: true,
  }),
  pollInterval: setting(
    'access_rules.poll_interval',
    constrained(
      duration(),
      interval => interval === 0 || interval >= MIN_POLL_INTERVAL_MS,
      'must be at least 1s',
      '0s disables polling',
    ),
    {
      default: '0s',
      description:
        'Interval at which http(s)://, s3://, gs:// and azblob:// repositories are read again; at least 1s. 0s disables polling, as in Oathkeeper.',
      credenceOnly: true,
      reloadable: true,
    },
  ),
  matchingStrategy: setting('access_rules.matching_strategy', oneOf('regexp', 'glob', ''), {
    default: 'regexp',
    description: 'Syntax of the patterns in rules.',
    reloadable: true,
  }),
  onMultipleMatches: setting('access_rules.on_multiple_matches', oneOf('reject', 'first'), {
    default: 'reject',
    description:
      'What happens when several rules match a request. reject: it is answered with 500, as in Oathkeeper. first: the first rule decides alone, in the order of the repositories and of the rules in each; the others are not tried if it denies.',
    credenceOnly: true,
    reloadable: true,
  }),
  defaultRule: setting('access_rules.default_rule', text(), {
    description:
      'Id of the rule for requests that no rule matches; that rule needs no `match`. Unset: such requests are answered with 404, as in Oathkeeper.',
    credenceOnly: true,
    reloadable: true,
  }),
  required: setting('access_rules.required', flag(), {
    default: false,
    description:
      'Whether at least one valid rule is required to be ready. If true, every request is answered with 503 until there is one. If false, a rule set without rules answers every request with 404.',
    credenceOnly: true,
    reloadable: true,
  }),
  failFast: setting('access_rules.fail_fast', flag(), {
    default: false,
    description:
      'Whether to exit with code 1 if the rules cannot be loaded at startup: a repository cannot be read or decoded, or the rule set is rejected. If false, Credence starts, is not ready, and tries again.',
    credenceOnly: true,
  }),
  fallback: setting('errors.fallback', list(), {
    default: ['json'],
    description: 'Error handlers, in order, for rules that name none that applies.',
    reloadable: true,
  }),
}

export const matchSettings = {
  paths: setting('paths', oneOf('strict', 'oathkeeper'), {
    default: 'strict',
    description:
      'How ambiguous request paths are handled. strict: they are rejected with 400. oathkeeper: they are decoded and cleaned, as Oathkeeper v26 does, and lose a trailing slash; this is unsafe behind a proxy that forwards the path as it came, such as Envoy.',
    credenceOnly: true,
    warnIf: {
      value: 'oathkeeper',
      message:
        'unsafe: rules judge the cleaned path, while a proxy such as Envoy forwards the path as it came',
      hint: 'remove this setting; until then have Envoy normalise paths and reject escaped slashes',
    },
  }),
  hosts: setting('hosts', oneOf('normalized', 'exact'), {
    default: 'normalized',
    description:
      'How hosts are compared with patterns. normalized: in lower case, without the default port and one trailing dot, in requests and patterns. exact: byte by byte, as in Oathkeeper; a client can then avoid a rule by writing the host in another case.',
    credenceOnly: true,
    reloadable: true,
    warnIf: {
      value: 'exact',
      message: 'hosts are compared byte by byte: another case or port is another host',
      hint: 'a client can avoid a rule that excludes one host; remove this setting if you can',
    },
  }),
  strict: setting('strict', flag(), {
    default: false,
    description:
      'Whether one rule with an error rejects the whole rule set. If false, only requests that match that rule are answered with 500.',
    credenceOnly: true,
    reloadable: true,
  }),
}

/** How paths of requests are read. */
export const pathMode = (settings: SettingValues): PathMode => settings.get(matchSettings.paths)

/** The syntax of patterns; Oathkeeper accepts "" for the default. */
export const matchingStrategy = (settings: SettingValues): 'regexp' | 'glob' =>
  settings.get(ruleSettings.matchingStrategy) === 'glob' ? 'glob' : 'regexp'
