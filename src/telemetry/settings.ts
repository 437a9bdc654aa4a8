/** Settings of metrics, log and traces. */

import { randomBytes } from 'node:crypto'
import { type SettingValues, setting } from '../config/setting.ts'
import { flag, httpUrl, list, oneOf, port, ratio, text } from '../config/value_types.ts'
import type { DecisionPrivacyOptions } from './decision_privacy.ts'
import type { LogOptions } from './log.ts'
import type { MetricsOptions } from './metrics.ts'
import type { LogLevel } from './records.ts'
import type { TracingOptions } from './tracing.ts'

export const prometheusSettings = {
  port: setting('serve.prometheus.port', port(), {
    default: 9000,
    description: 'Port of the metrics listener. 0 takes a free port.',
  }),
  host: setting('serve.prometheus.host', text(), {
    description: 'Address of the metrics listener. Loopback unless set; "" listens on all interfaces.',
    warnIfUnset: {
      message: 'not set: listens on loopback only',
      hint: 'set it to "" for all interfaces, as Oathkeeper does',
    },
  }),
  path: setting('serve.prometheus.metrics_path', text(), {
    default: '/metrics',
    description: 'Path of the metrics.',
  }),
  prefix: setting('serve.prometheus.metric_name_prefix', text(), {
    default: 'ory_oathkeeper_',
    description: 'Prefix of the metrics that Oathkeeper has, too.',
  }),
  hideRequestPaths: setting('serve.prometheus.hide_request_paths', flag(), {
    default: false,
    description: "Whether the label `request` of Oathkeeper's metrics is empty instead of `/decisions`.",
  }),
}

export const logSettings = {
  level: setting('log.level', oneOf('panic', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'), {
    default: 'info',
    description: 'Lowest level of the lines that are written.',
    reloadable: true,
  }),
  format: setting('log.format', oneOf('json', 'json_pretty', 'gelf', 'text'), {
    description: 'Format of the log. json unless set; gelf is written as json.',
  }),
}

export const decisionLogSettings = {
  where: setting('log.decisions.where', oneOf('full', 'path', 'none'), {
    default: 'path',
    description:
      'What a decision shows of the URL: `path` cuts a path after 200 characters, `none` omits scheme, host and path. The query is never shown.',
    credenceOnly: true,
  }),
  maskedPaths: setting('log.decisions.masked_paths', list(), {
    default: [],
    description:
      'Beginnings of decoded paths that contain secrets, for example /reset/. Only the beginning of such a path is shown.',
    credenceOnly: true,
  }),
  who: setting('log.decisions.who', oneOf('subject', 'hash', 'none'), {
    default: 'subject',
    description:
      'How a decision shows the subject and the address of the client: as they are, as a keyed hash, or not at all. Traits are never shown.',
    credenceOnly: true,
  }),
  hashKey: setting('log.decisions.hash_key', text(), {
    description:
      'Key of the hash, at least 16 characters. Without one each process makes its own, so that hashes differ between replicas and restarts.',
    credenceOnly: true,
    secret: true,
  }),
  allowedRatio: setting('log.decisions.allowed_ratio', ratio(), {
    default: 1,
    description: 'Fraction of allowed requests that are logged, 0 to 1. All denied ones are.',
    credenceOnly: true,
  }),
}

export const tracingSettings = {
  provider: setting('tracing.provider', oneOf('jaeger', 'otel', 'zipkin', ''), {
    description: 'Protocol by which traces are exported. The OTEL_* variables enable export as well.',
  }),
  serviceName: setting('tracing.service_name', text(), {
    default: 'credence',
    description: 'Name of the service in traces and logs.',
  }),
  deploymentEnvironment: setting('tracing.deployment_environment', text(), {
    description: 'Deployment environment in traces.',
  }),
  zipkinUrl: setting('tracing.providers.zipkin.server_url', httpUrl(), {
    description: 'URL of the Zipkin collector.',
  }),
  zipkinSamplingRatio: setting('tracing.providers.zipkin.sampling.sampling_ratio', ratio(), {
    description: 'Fraction of new traces that are sampled, 0 to 1.',
  }),
  otlpUrl: setting('tracing.providers.otlp.server_url', text(), {
    default: '',
    description: 'host:port or URL of the OTLP/HTTP collector.',
  }),
  otlpInsecure: setting('tracing.providers.otlp.insecure', flag(), {
    default: false,
    description: 'Whether to use http instead of https to the collector.',
  }),
  otlpSamplingRatio: setting('tracing.providers.otlp.sampling.sampling_ratio', ratio(), {
    description: 'Fraction of new traces that are sampled, 0 to 1.',
  }),
  otlpAuthorizationHeader: setting('tracing.providers.otlp.authorization_header', text(), {
    description: 'Authorization header for the collector.',
    secret: true,
  }),
}

/** Where the metrics listen: loopback unless a host is set. */
export const prometheusListenAddress = (
  settings: SettingValues,
): { readonly host: string; readonly port: number } => ({
  host: settings.get(prometheusSettings.host) ?? '127.0.0.1',
  port: settings.get(prometheusSettings.port),
})

/** The lowest level that is written; Oathkeeper's `panic` is `fatal`. */
export function logLevel(settings: SettingValues): LogLevel {
  const level = settings.get(logSettings.level)
  return level === 'panic' ? 'fatal' : level
}

/** The format of the log; everything but text and json_pretty is JSON. */
export function logFormat(settings: SettingValues): LogOptions['format'] {
  const format = settings.get(logSettings.format)
  return format === 'text' || format === 'json_pretty' ? format : 'json'
}

/** What the record of a decision may show. */
export const decisionPrivacyOptions = (settings: SettingValues): DecisionPrivacyOptions => ({
  where: settings.get(decisionLogSettings.where),
  maskedPaths: settings.get(decisionLogSettings.maskedPaths),
  who: settings.get(decisionLogSettings.who),
  hashKey: settings.get(decisionLogSettings.hashKey) ?? randomBytes(32),
})

/** The service's name in traces, metrics and logs. */
export const serviceName = (settings: SettingValues): string => settings.get(tracingSettings.serviceName)

/** Address, path and names of the metrics. */
export const metricsOptions = (
  settings: SettingValues,
): Pick<MetricsOptions, 'host' | 'port' | 'path' | 'serviceName'> => ({
  ...prometheusListenAddress(settings),
  path: settings.get(prometheusSettings.path),
  serviceName: serviceName(settings),
})

/** Exporters of traces, as configured. */
export const tracingOptions = (settings: SettingValues): TracingOptions => ({
  provider: settings.get(tracingSettings.provider),
  serviceName: serviceName(settings),
  deploymentEnvironment: settings.get(tracingSettings.deploymentEnvironment),
  otlp: {
    serverUrl: settings.get(tracingSettings.otlpUrl),
    insecure: settings.get(tracingSettings.otlpInsecure),
    samplingRatio: settings.get(tracingSettings.otlpSamplingRatio),
    authorizationHeader: settings.get(tracingSettings.otlpAuthorizationHeader),
  },
  zipkin: {
    serverUrl: settings.get(tracingSettings.zipkinUrl) ?? '',
    samplingRatio: settings.get(tracingSettings.zipkinSamplingRatio),
  },
})
