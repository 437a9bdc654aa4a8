/** All settings: those of every area, and Oathkeeper's keys that are accepted without effect. */
import { adminSettings } from '../api/admin/settings.ts'
import { apiListenerSettings, decisionApiSettings } from '../api/settings.ts'
import { responseCacheSettings } from '../clients/settings.ts'
import { type Setting, setting } from '../config/setting.ts'
import { constrained, flag, httpUrl, list, oneOf, ratio, text } from '../config/value_types.ts'
import { grpcSettings } from '../grpc/settings.ts'
import { pageSettings } from '../handlers/pages/settings.ts'
import { matchSettings, ruleSettings } from '../rules/settings.ts'
import { checkRedisSettings, redisSettings } from '../sessions/replication/settings.ts'
import {
  kratosPublicSettings,
  kratosSettings,
  outageDetectionSettings,
  rejectionSettings,
  revocationSettings,
  sessionCacheSettings,
} from '../sessions/settings.ts'
import {
  decisionLogSettings,
  logSettings,
  prometheusSettings,
  tracingSettings,
} from '../telemetry/settings.ts'
import { overloadSettings } from './overload.ts'
import { shutdownSettings } from './shutdown.ts'
import { apiTlsSettings, grpcTlsSettings } from './tls.ts'

/** A semantic version (https://semver.org) with a leading v, which is what Oathkeeper's schema demands. */
const SEMANTIC_VERSION = /^v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/

const versionSetting = setting(
  'version',
  constrained(
    text(),
    version => SEMANTIC_VERSION.test(version),
    'must be a full semantic version with a leading v',
    'for example v0.40.9',
  ),
  {
    description: 'Version of Oathkeeper that the configuration was written for, with a leading v.',
    reloadable: true,
  },
)

const PROXY = 'Envoy does the proxying'
const PROXY_CORS = 'Envoy answers preflights: configure its filter envoy.filters.http.cors before ext_authz'
const REDACTION = 'credentials are never logged, so there is nothing to redact'
const JAEGER =
  'the Jaeger agent protocol has no maintained client; send OTLP (provider otel) to Jaeger instead'
const PROFILING = 'use Node’s own --cpu-prof and --heap-prof'

const corsDebug = setting('serve.api.cors.debug', flag(), {
  default: false,
  description: 'Whether Oathkeeper logs what CORS decides.',
  ignoredBecause: 'what CORS decides is visible in the response',
})

/** `serve.proxy` has the keys of `serve.api`, and one more. */
const proxySettings: readonly Setting<unknown>[] = [
  ...Object.values({ ...apiListenerSettings, corsDebug, ...apiTlsSettings }).map(one => ({
    ...one,
    path: one.path.replace('serve.api', 'serve.proxy'),
    default: one === apiListenerSettings.port ? 4455 : one.default,
    warnIfUnset: undefined,
    ignoredBecause: one.path.startsWith('serve.api.cors.') ? PROXY_CORS : PROXY,
  })),
  setting('serve.proxy.trust_forwarded_headers', flag(), {
    default: false,
    description: 'Whether Oathkeeper’s proxy trusts X-Forwarded-*.',
    ignoredBecause: PROXY,
  }),
]

const ignoredPrometheusSettings = {
  collapseRequestPaths: setting('serve.prometheus.collapse_request_paths', flag(), {
    default: true,
    description: 'Whether Oathkeeper shortens paths in metrics.',
    ignoredBecause:
      'no metric contains the path of a request, which would have as many values as clients choose',
  }),
}

const ignoredLogSettings = {
  leakSensitiveValues: setting('log.leak_sensitive_values', flag(), {
    default: false,
    description: 'Whether Oathkeeper logs credentials.',
    ignoredBecause: REDACTION,
  }),
  redactionText: setting('log.redaction_text', text(), {
    description: 'Replacement for credentials in Oathkeeper’s log.',
    ignoredBecause: REDACTION,
  }),
  additionalRedactedHeaders: setting('log.additional_redacted_headers', list(), {
    description: 'Headers that Oathkeeper redacts.',
    ignoredBecause: REDACTION,
  }),
}

const ignoredTracingSettings = {
  jaegerAgentAddress: setting('tracing.providers.jaeger.local_agent_address', text(), {
    description: 'Address of the Jaeger agent.',
    ignoredBecause: JAEGER,
  }),
  jaegerSamplingUrl: setting('tracing.providers.jaeger.sampling.server_url', httpUrl(), {
    description: 'URL of Jaeger’s sampling configuration.',
    ignoredBecause: JAEGER,
  }),
  jaegerSamplingRatio: setting('tracing.providers.jaeger.sampling.trace_id_ratio', ratio(), {
    description: 'Fraction of traces that are sampled.',
    ignoredBecause: JAEGER,
  }),
}

const profilingSetting = setting('profiling', oneOf('cpu', 'mem', ''), {
  description: 'Profile that Oathkeeper writes.',
  ignoredBecause: PROFILING,
})

/** Every setting, in the order of the documentation. */
export const SETTINGS: readonly Setting<unknown>[] = [
  ...[
    grpcSettings,
    grpcTlsSettings,
    apiListenerSettings,
    { corsDebug },
    apiTlsSettings,
    decisionApiSettings,
    adminSettings,
    shutdownSettings,
    overloadSettings,
  ].flatMap(settingsIn),
  ...proxySettings,
  ...[
    prometheusSettings,
    ignoredPrometheusSettings,
    ruleSettings,
    pageSettings,
    sessionCacheSettings,
    rejectionSettings,
    outageDetectionSettings,
    kratosSettings,
    revocationSettings,
    kratosPublicSettings,
    responseCacheSettings,
    redisSettings,
    matchSettings,
    logSettings,
    decisionLogSettings,
    ignoredLogSettings,
    tracingSettings,
    ignoredTracingSettings,
    { profilingSetting, versionSetting },
  ].flatMap(settingsIn),
]

/** Constraints between settings. */
export const SETTING_CHECKS = [checkRedisSettings]

function settingsIn(area: Readonly<Record<string, Setting<unknown>>>): readonly Setting<unknown>[] {
  return Object.values(area)
}
