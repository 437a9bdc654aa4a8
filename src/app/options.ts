/** app_options — settings in the form in which each part wants them. Knows the table of settings, starts nothing. */
import type { CorsOptions } from '../api/cors.ts'
import { compileNetworks } from '../http/networks.ts'
import type { PathMode } from '../http/request_target.ts'
import { type Millis, millis, parseDuration } from '../lib/time.ts'
import type { AccessRule } from '../rules/document.ts'
import type { MetricsOptions } from '../telemetry/metrics.ts'
import type { LogLevel } from '../telemetry/records.ts'
import type { TracingOptions } from '../telemetry/sdk.ts'
import { version } from '../version.ts'
import type { Config } from './config.ts'
import type { ListenerDescription } from './listen.ts'

export function grpcListenOptions(config: Config) {
  const socket = config.text('serve.grpc.socket')
  if (socket !== undefined && socket !== '') return { socket }
  return { host: config.text('serve.grpc.host') ?? '', port: config.number('serve.grpc.port') }
}

/** Where the api or the metrics listen: loopback unless set, all interfaces for `""`. */
export const listenAddress = (config: Config, server: 'api' | 'prometheus') => ({
  host: config.text(`serve.${server}.host`) ?? '127.0.0.1',
  port: config.number(`serve.${server}.port`),
})

/** A listener as people know it, for the message when it cannot be opened. */
export function describeListener(
  peer: string,
  server: 'grpc' | 'api' | 'prometheus',
  listen: { readonly host: string; readonly port: number } | { readonly socket: string },
): ListenerDescription {
  const describeSetting = (name: 'socket' | 'port' | 'host'): string => {
    const key = `serve.${server}.${name}`
    const variable = key.replaceAll('.', '_').toUpperCase()
    return `${key} (${server === 'grpc' ? `--${key.replaceAll('.', '-')}, CREDENCE_${variable}` : variable})`
  }
  return {
    peer,
    address:
      'socket' in listen
        ? listen.socket
        : `${listen.host === '' ? 'all interfaces' : listen.host}:${listen.port}`,
    portSetting: describeSetting('socket' in listen ? 'socket' : 'port'),
    hostSetting: describeSetting('host'),
  }
}

export function logLevelOf(config: Config): LogLevel {
  const level = config.text('log.level') ?? 'info'
  return level === 'panic' ? 'fatal' : (level as LogLevel)
}

export function logFormatOf(config: Config) {
  const format = config.text('log.format')
  return format === 'text' || format === 'json_pretty' ? format : 'json'
}

export const pathModeOf = (config: Config): PathMode =>
  config.text('paths') === 'oathkeeper' ? 'oathkeeper' : 'strict'

export const metricsOptionsOf = (config: Config, env: NodeJS.ProcessEnv): Omit<MetricsOptions, 'wall'> => ({
  ...listenAddress(config, 'prometheus'),
  path: config.text('serve.prometheus.metrics_path') ?? '/metrics',
  serviceName: config.text('tracing.service_name') ?? 'credence',
  version,
  env,
})

export function tracingOptionsOf(config: Config): TracingOptions {
  return {
    provider: config.text('tracing.provider'),
    serviceName: config.text('tracing.service_name') ?? 'credence',
    deploymentEnvironment: config.text('tracing.deployment_environment'),
    otlp: {
      serverUrl: config.text('tracing.providers.otlp.server_url') ?? '',
      insecure: config.flag('tracing.providers.otlp.insecure'),
      samplingRatio: config.numberIfSet('tracing.providers.otlp.sampling.sampling_ratio'),
      authorizationHeader: config.text('tracing.providers.otlp.authorization_header'),
    },
    zipkin: {
      serverUrl: config.text('tracing.providers.zipkin.server_url') ?? '',
      samplingRatio: config.numberIfSet('tracing.providers.zipkin.sampling.sampling_ratio'),
    },
  }
}

/** Nobody unless the configuration names networks. */
export function trustedProxyMatcher(config: Config): (address: string) => boolean {
  return compileNetworks(config.list('serve.api.trusted_proxies')) ?? (() => false)
}

export function corsOptionsOf(config: Config): CorsOptions {
  const list = (name: string) => config.list(`serve.api.cors.${name}`)
  return {
    origins: list('allowed_origins'),
    methods: list('allowed_methods'),
    headers: list('allowed_headers'),
    exposedHeaders: list('exposed_headers'),
    credentials: config.flag('serve.api.cors.allow_credentials'),
    maxAgeSeconds: config.number('serve.api.cors.max_age'),
  }
}

/** Of all key sets: the service's configuration counts, what a rule says has no effect (Q-62). */
export function jwksTimingOf({ handlers }: Config): { readonly maxWait: Millis; readonly ttl: Millis } {
  const { jwks_max_wait: maxWait, jwks_ttl: ttl } = handlers.authenticator.get('jwt')?.config ?? {}
  const parseIfText = (text: unknown) => (typeof text === 'string' ? parseDuration(text) : undefined)
  return { maxWait: parseIfText(maxWait) ?? millis(1_000), ttl: parseIfText(ttl) ?? millis(30_000) }
}

/** Key sets of `id_token`, of the service's configuration and of all rules. */
export function signingKeySetUrls({ handlers }: Config, rules: readonly AccessRule[]): readonly string[] {
  const configs = rules.flatMap(rule =>
    rule.mutators.flatMap(one => (one.handler === 'id_token' ? [one.config] : [])),
  )
  const urls = [handlers.mutator.get('id_token')?.config, ...configs].map(
    config => (config as { readonly jwks_url?: unknown } | undefined)?.jwks_url,
  )
  return [...new Set(urls.filter(url => typeof url === 'string'))]
}
