/** Settings of the session cache, of calls to Kratos and of revocation. */
import { type SettingValues, setting } from '../config/setting.ts'
import {
  constrained,
  duration,
  httpUrl,
  isHttpUrl,
  list,
  ratio,
  text,
  wholeNumber,
} from '../config/value_types.ts'
import type { KratosUpstreamOptions } from './kratos/upstream_options.ts'

const MIN_REVOCATION_KEY_CHARACTERS = 16

/** A key of Standard Webhooks is base64 behind `whsec_`; any other key is a plain text. */
const isRevocationKey = (key: string): boolean =>
  !key.startsWith('whsec_') || /^whsec_[A-Za-z0-9+/_-]{22,}={0,2}$/.test(key)

export const sessionCacheSettings = {
  maxEntries: setting('sessions.cache.max_entries', wholeNumber(1), {
    default: 100_000,
    description: 'Maximum number of verified sessions in the cache.',
    credenceOnly: true,
  }),
  maxBytes: setting('sessions.cache.max_bytes', wholeNumber(1), {
    default: 268_435_456,
    description:
      'Maximum size in bytes, estimated, of the cache of verified sessions. Beyond it the least recently used sessions are evicted.',
    credenceOnly: true,
  }),
  ttl: setting('sessions.cache.ttl', duration(), {
    default: '60s',
    description:
      'Time for which a verified session is used without asking Kratos again. A logout that Credence does not learn of takes effect after this time at the latest.',
    credenceOnly: true,
  }),
  staleIfError: setting('sessions.cache.stale_if_error', duration(), {
    default: '0s',
    description:
      'Time after its TTL for which a cached session is still used while Kratos cannot be reached. Never past the end of the session, and never for a rule with `require`. 0s disables it.',
    credenceOnly: true,
  }),
  refreshAhead: setting('sessions.cache.refresh_ahead', ratio(), {
    default: 0.2,
    description:
      'Final fraction of a session’s cache lifetime during which a request triggers a background refresh. 0 disables it.',
    credenceOnly: true,
  }),
}

export const rejectionSettings = {
  negativeCacheTtl: setting('sessions.negative_cache.ttl', duration(), {
    default: '1s',
    description:
      'Time for which the rejection of an unknown credential is cached. Rejections of recently verified credentials are never cached. 0s disables it.',
    credenceOnly: true,
  }),
  negativeCacheMaxEntries: setting('sessions.negative_cache.max_entries', wholeNumber(1), {
    default: 10_000,
    description: 'Maximum number of cached rejections. They never evict verified sessions.',
    credenceOnly: true,
  }),
  limitBurst: setting('sessions.rejection_limit.burst', wholeNumber(1), {
    default: 1_000,
    description:
      'Number of rejections of unknown credentials that one Kratos may give at once. Beyond it unknown credentials are answered with 503; known ones are not affected.',
    credenceOnly: true,
  }),
  limitPerSecond: setting('sessions.rejection_limit.per_second', wholeNumber(1), {
    default: 100,
    description: 'Number of rejections by which `sessions.rejection_limit.burst` refills each second.',
    credenceOnly: true,
  }),
}

export const outageDetectionSettings = {
  adminUrl: setting('sessions.outage_detection.admin_url', httpUrl(), {
    description:
      'Origin of Kratos’ admin API. When Kratos rejects a recently verified session, Credence asks there whether the session has ended (401) or Kratos has an outage (503).',
    credenceOnly: true,
  }),
  canarySession: setting('sessions.outage_detection.canary_session', text(), {
    description:
      'Session of a technical identity that never ends, as a token or as a cookie name=value: it detects an outage without the admin API.',
    credenceOnly: true,
    secret: true,
  }),
  whoamiUrl: setting('sessions.outage_detection.whoami_url', httpUrl(), {
    description:
      'Whoami URL that the admin API or the canary session belongs to, if rules use more than one Kratos. Unset: every whoami URL.',
    credenceOnly: true,
  }),
  burst: setting('sessions.outage_detection.burst', wholeNumber(1), {
    default: 10,
    description:
      'Number of users with consecutive, unexplained rejections of recently verified sessions after which rejections are answered with 503 instead of 401. One network (/24 of IPv4, /48 of IPv6) counts for a third of them at most.',
    credenceOnly: true,
  }),
  maxDuration: setting('sessions.outage_detection.max_duration', duration(), {
    default: '60s',
    description: 'Maximum time for which a burst of rejections alone causes 503 instead of 401.',
    credenceOnly: true,
  }),
}

export const kratosSettings = {
  failureRatio: setting('sessions.circuit_breaker.failure_ratio', ratio(), {
    default: 0.5,
    description:
      'Fraction of failed calls to one Kratos at which the circuit breaker opens. Failures that may be due to one credential, such as a 403 or 500, count once for each credential, and one network causes a third of the necessary ones at most.',
    credenceOnly: true,
  }),
  minRequests: setting('sessions.circuit_breaker.min_requests', wholeNumber(1), {
    default: 20,
    description: 'Minimum number of calls in the last 10 to 20 seconds for the circuit breaker to open.',
    credenceOnly: true,
  }),
  openDuration: setting('sessions.circuit_breaker.open_duration', duration(), {
    default: '2s',
    description:
      'Time for which the circuit breaker stays open before a trial call. A random part of up to a quarter is added.',
    credenceOnly: true,
  }),
  timeout: setting('sessions.timeout', duration(), {
    default: '2s',
    description: 'Timeout for one call to Kratos.',
    credenceOnly: true,
  }),
  maxConcurrentRequests: setting('sessions.max_concurrent_requests', wholeNumber(1), {
    default: 32,
    description:
      'Maximum number of concurrent calls to one Kratos. A quarter of them is reserved for recently verified sessions.',
    credenceOnly: true,
  }),
  maxPendingRequests: setting('sessions.max_pending_requests', wholeNumber(1), {
    default: 1_000,
    description:
      'Maximum number of calls to one Kratos that wait. Further ones are answered with 503 at once.',
    credenceOnly: true,
  }),
}

export const revocationSettings = {
  keys: setting(
    'sessions.revocation.keys',
    constrained(
      constrained(
        list(),
        keys => keys.every(key => key.length >= MIN_REVOCATION_KEY_CHARACTERS),
        `must have at least ${MIN_REVOCATION_KEY_CHARACTERS} characters each`,
        'leave the setting out to disable the endpoint',
      ),
      keys => keys.every(isRevocationKey),
      'must be base64 of at least 16 bytes after whsec_',
      'invalid characters would be ignored and could leave an empty key',
    ),
    {
      default: [],
      description:
        'Keys of callers that may POST to /sessions/revocations on the api port; at least 16 characters each. Several can be valid while one replaces another. Empty: the endpoint is disabled.',
      credenceOnly: true,
      secret: true,
    },
  ),
  holdoff: setting('sessions.revocation.holdoff', duration(), {
    default: '5s',
    description:
      'Time after a revocation during which answers of Kratos about that session are not cached, because some hooks of Kratos run before it commits the change.',
    credenceOnly: true,
  }),
}

export const kratosPublicSettings = {
  urls: setting(
    'sessions.kratos_public.urls',
    constrained(
      list(),
      urls => urls.every(isHttpUrl),
      'must be a list of URLs',
      'for example https://auth.example.com, the base_url of serve.public in kratos.yml',
    ),
    {
      default: [],
      description:
        'URLs at which clients reach Kratos’ public API through Envoy (its base_url). Requests there that end or change sessions evict them from the cache. Empty: disabled.',
      credenceOnly: true,
    },
  ),
  cookies: setting('sessions.kratos_public.cookies', list(), {
    default: ['ory_kratos_session'],
    description: 'Names of Kratos’ session cookies at those URLs.',
    credenceOnly: true,
  }),
  whoamiUrl: setting('sessions.kratos_public.whoami_url', httpUrl(), {
    description:
      'Whoami URL used to find the owner of an uncached credential. Default: `check_session_url` of `cookie_session`, if that is Kratos.',
    credenceOnly: true,
  }),
}

/** Limits for the calls to each Kratos. */
export const kratosUpstreamOptions = (settings: SettingValues): KratosUpstreamOptions => ({
  maxConcurrentRequests: settings.get(kratosSettings.maxConcurrentRequests),
  maxPendingRequests: settings.get(kratosSettings.maxPendingRequests),
  failureRatio: settings.get(kratosSettings.failureRatio),
  minRequests: settings.get(kratosSettings.minRequests),
  openDuration: settings.get(kratosSettings.openDuration),
  outageBurst: settings.get(outageDetectionSettings.burst),
  maxOutageDuration: settings.get(outageDetectionSettings.maxDuration),
  rejectionBurst: settings.get(rejectionSettings.limitBurst),
  rejectionsPerSecond: settings.get(rejectionSettings.limitPerSecond),
})
