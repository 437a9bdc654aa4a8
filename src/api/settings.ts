/** Settings of the api port: address, timeouts, CORS and the decision API. */
import { type SettingValues, setting } from '../config/setting.ts'
import {
  constrained,
  duration,
  flag,
  list,
  port,
  text,
  uniqueList,
  uniqueListOf,
  wholeNumber,
} from '../config/value_types.ts'
import { compileNetworks } from '../http/networks.ts'
import type { CorsOptions } from './cors.ts'
import { CALL_PARTS, type CallPart } from './decision_request.ts'

/** Methods that Oathkeeper's schema accepts for CORS; OPTIONS is not among them. */
const CORS_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'TRACE', 'PATCH']

/** Oathkeeper's settings of a listener; `serve.proxy` has the same keys. */
export const apiListenerSettings = {
  port: setting('serve.api.port', port(), {
    default: 4456,
    description: 'Port of the api listener. 0 takes a free port.',
  }),
  host: setting('serve.api.host', text(), {
    description: 'Address of the api listener. Loopback unless set; "" listens on all interfaces.',
    warnIfUnset: {
      message: 'not set: listens on loopback only',
      hint: 'set it to "" for all interfaces, as Oathkeeper does',
    },
  }),
  readTimeout: setting('serve.api.timeout.read', duration(), {
    default: '5s',
    description: 'Timeout for reading a request.',
  }),
  writeTimeout: setting('serve.api.timeout.write', duration(), {
    default: '120s',
    description: 'Timeout for writing a response.',
  }),
  idleTimeout: setting('serve.api.timeout.idle', duration(), {
    default: '120s',
    description: 'Time after which an idle connection is closed.',
  }),
  corsEnabled: setting('serve.api.cors.enabled', flag(), {
    default: false,
    description: 'Whether pages of other origins may read the api (CORS).',
  }),
  corsOrigins: setting('serve.api.cors.allowed_origins', uniqueList(), {
    default: ['*'],
    description: 'Origins that may read the api. An origin may contain one `*`, which matches anything.',
  }),
  corsMethods: setting('serve.api.cors.allowed_methods', uniqueListOf(CORS_METHODS, 'methods'), {
    default: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    description: 'Methods that those origins may use.',
  }),
  corsHeaders: setting('serve.api.cors.allowed_headers', uniqueList(), {
    default: ['Authorization', 'Content-Type'],
    description: 'Request headers that those origins may send. `*` allows all.',
  }),
  corsExposedHeaders: setting('serve.api.cors.exposed_headers', uniqueList(), {
    default: ['Content-Type'],
    description: 'Response headers that those origins may read.',
  }),
  corsCredentials: setting('serve.api.cors.allow_credentials', flag(), {
    default: false,
    description: 'Whether browsers may send cookies with those requests.',
  }),
  corsMaxAge: setting('serve.api.cors.max_age', wholeNumber(), {
    default: 0,
    description: 'Seconds for which browsers cache the answer to a preflight request.',
  }),
}

export const decisionApiSettings = {
  maxConnections: setting('serve.api.max_connections', wholeNumber(1), {
    default: 1024,
    description: 'Maximum number of open connections of the api listener; further ones are closed.',
    credenceOnly: true,
  }),
  decisions: setting('serve.api.decisions', flag(), {
    default: false,
    description: 'Whether to serve the HTTP decision API at /decisions, for gateways without gRPC.',
    credenceOnly: true,
  }),
  trustedProxies: setting(
    'serve.api.trusted_proxies',
    constrained(
      list(),
      networks => compileNetworks(networks) !== undefined,
      'must be a list of networks',
      'for example 10.0.0.0/8',
    ),
    {
      default: [],
      description:
        'Networks of the gateways that may call /decisions with X-Forwarded-Method, -Proto, -Host and -Uri for the original request and X-Forwarded-For for its client. Headers from other addresses are ignored.',
      credenceOnly: true,
    },
  ),
  directOverrides: setting('serve.api.direct_overrides', uniqueListOf(CALL_PARTS, 'parts'), {
    default: [],
    description:
      'Parts of a call that names its target, such as /decisions/a, which X-Forwarded-Method, -Proto or -Host of a trusted proxy may state differently. Any other difference is 400. List only what the gateway sets itself on each call, for example proto where it terminates TLS.',
    credenceOnly: true,
  }),
}

/** Where the api listens: loopback unless a host is set. */
export const apiListenAddress = (
  settings: SettingValues,
): { readonly host: string; readonly port: number } => ({
  host: settings.get(apiListenerSettings.host) ?? '127.0.0.1',
  port: settings.get(apiListenerSettings.port),
})

/** Timeouts of the api's connections, ms. */
export const apiTimeouts = (settings: SettingValues) => ({
  read: settings.get(apiListenerSettings.readTimeout),
  write: settings.get(apiListenerSettings.writeTimeout),
  idle: settings.get(apiListenerSettings.idleTimeout),
})

/** `undefined` where CORS is not enabled. */
export function corsOptions(settings: SettingValues): CorsOptions | undefined {
  if (!settings.get(apiListenerSettings.corsEnabled)) return undefined
  return {
    origins: settings.get(apiListenerSettings.corsOrigins),
    methods: settings.get(apiListenerSettings.corsMethods),
    headers: settings.get(apiListenerSettings.corsHeaders),
    exposedHeaders: settings.get(apiListenerSettings.corsExposedHeaders),
    credentials: settings.get(apiListenerSettings.corsCredentials),
    maxAgeSeconds: settings.get(apiListenerSettings.corsMaxAge),
  }
}

/** Parts of a call in direct mode that a trusted proxy may state differently. */
export const directOverrides = (settings: SettingValues): ReadonlySet<CallPart> =>
  new Set(settings.get(decisionApiSettings.directOverrides) as readonly CallPart[])

/** Whether an address belongs to a trusted proxy; none does unless networks are configured. */
export const trustedProxyMatcher = (settings: SettingValues): ((address: string) => boolean) =>
  compileNetworks(settings.get(decisionApiSettings.trustedProxies)) ?? (() => false)
