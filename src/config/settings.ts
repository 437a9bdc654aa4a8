/** config/settings — every setting that is not a handler's: path, type, default, sentence. Knows no file and no environment. Long because it is one table. */

/** How a value is written and checked. */
export type SettingType =
  | 'string'
  | 'integer'
  /** A whole number from 1. */
  | 'count'
  /** A whole number from 0 (any free one) to 65535. */
  | 'port'
  /** A number from 0 to 1. */
  | 'share'
  /** Absolute, http or https. */
  | 'url'
  | 'boolean'
  | 'duration'
  | 'strings'
  /** A list in which nothing stands twice. */
  | 'set'
  /** Such a list of HTTP methods, as Oathkeeper knows them. */
  | 'methods'
  | { readonly oneOf: readonly string[] }

export interface Setting {
  /** Keys from the top, joined by dots. */
  readonly path: string
  readonly type: SettingType
  /** As a user would write it; absent: not set. */
  readonly default?: unknown
  readonly description: string
  /** Ours, not Oathkeeper's: it has a flag and a `CREDENCE_` variable too. */
  readonly ours?: true
  /** A change of the file takes effect at once; all others wait for the next start, and a changed one is named. */
  readonly live?: true
  /** Accepted because Oathkeeper knows it, and without effect: named at start. Says why. */
  readonly idle?: string
}

const DURATION = 'duration' as const
/** What Oathkeeper's schema lets CORS allow; OPTIONS is not among them (spec 8.3). */
export const CORS_METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'TRACE',
  'PATCH',
]
const IGNORED_PROXY = 'Envoy does the proxying'

function tlsSettings(section: string): Setting[] {
  return [
    {
      path: `${section}.tls.key.path`,
      type: 'string',
      description: 'file of the private key, PEM; with it and a certificate the port speaks TLS',
    },
    {
      path: `${section}.tls.key.base64`,
      type: 'string',
      description: 'the private key itself, PEM in base64',
    },
    {
      path: `${section}.tls.cert.path`,
      type: 'string',
      description:
        'file of the certificate and those that signed it, PEM; read again when it changes, as is the key',
    },
    {
      path: `${section}.tls.cert.base64`,
      type: 'string',
      description: 'the certificate itself, PEM in base64',
    },
  ]
}

function listenerSettings(name: 'api' | 'proxy'): Setting[] {
  const section = `serve.${name}`
  const idle = name === 'proxy' ? { idle: IGNORED_PROXY } : {}
  return [
    {
      path: `${section}.port`,
      type: 'port',
      default: name === 'api' ? 4456 : 4455,
      description: `port of the ${name} server`,
      ...idle,
    },
    {
      path: `${section}.host`,
      type: 'string',
      description: `address of the ${name} server; unset is loopback, "" is all interfaces`,
      ...idle,
    },
    {
      path: `${section}.timeout.read`,
      type: DURATION,
      default: '5s',
      description: 'longest time to read a request',
      ...idle,
    },
    {
      path: `${section}.timeout.write`,
      type: DURATION,
      default: '120s',
      description: 'longest time to write an answer',
      ...idle,
    },
    {
      path: `${section}.timeout.idle`,
      type: DURATION,
      default: '120s',
      description: 'how long an idle connection is kept',
      ...idle,
    },
    {
      path: `${section}.cors.enabled`,
      type: 'boolean',
      default: false,
      description: 'let pages of other origins read the api',
      ...idle,
    },
    {
      path: `${section}.cors.allowed_origins`,
      type: 'set',
      default: ['*'],
      description: 'origins of such pages; one `*` in an origin stands for anything',
      ...idle,
    },
    {
      path: `${section}.cors.allowed_methods`,
      type: 'methods',
      default: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      description: 'methods that they may use',
      ...idle,
    },
    {
      path: `${section}.cors.allowed_headers`,
      type: 'set',
      default: ['Authorization', 'Content-Type'],
      description: 'headers that they may send; `*` for all',
      ...idle,
    },
    {
      path: `${section}.cors.exposed_headers`,
      type: 'set',
      default: ['Content-Type'],
      description: 'headers of answers that they may read',
      ...idle,
    },
    {
      path: `${section}.cors.allow_credentials`,
      type: 'boolean',
      default: false,
      description: 'let browsers send cookies along',
      ...idle,
    },
    {
      path: `${section}.cors.max_age`,
      type: 'integer',
      default: 0,
      description: 'seconds for which browsers remember what is allowed',
      ...idle,
    },
    {
      path: `${section}.cors.debug`,
      type: 'boolean',
      default: false,
      description: 'Oathkeeper logs what CORS decides',
      idle: name === 'proxy' ? IGNORED_PROXY : 'what CORS decides is in the answer',
    },
    ...tlsSettings(section).map(setting => ({ ...setting, ...idle })),
  ]
}

const IGNORED_REDACTION = 'credentials never reach the log, so there is nothing to redact'
const IGNORED_JAEGER =
  'the Jaeger agent protocol has no maintained client; send OTLP (provider otel) to Jaeger instead'

export const SETTINGS: readonly Setting[] = [
  {
    path: 'serve.grpc.host',
    type: 'string',
    default: '127.0.0.1',
    description: 'address on which Envoy asks',
    ours: true,
  },
  {
    path: 'serve.grpc.port',
    type: 'port',
    default: 9191,
    description: 'port on which Envoy asks',
    ours: true,
  },
  {
    path: 'serve.grpc.socket',
    type: 'string',
    description: 'path of a Unix socket on which Envoy asks, instead of host and port',
    ours: true,
  },
  {
    path: 'serve.grpc.engine',
    type: { oneOf: ['http2', 'grpc-js'] },
    default: 'http2',
    description:
      'what speaks gRPC with Envoy: our own engine on Node’s HTTP/2, or the library grpc-js, which costs more CPU a Check and also takes compressed messages',
    ours: true,
  },
  ...tlsSettings('serve.grpc').map(setting => ({ ...setting, ours: true as const })),
  {
    path: 'serve.grpc.tls.client_ca.path',
    type: 'string',
    description: 'file of the authorities of which Envoy must show a certificate (mutual TLS)',
    ours: true,
  },
  ...listenerSettings('api'),
  {
    path: 'serve.api.decisions',
    type: 'boolean',
    default: false,
    description: 'answer the HTTP decision API at /decisions on the api port, for gateways without gRPC',
    ours: true,
  },
  {
    path: 'serve.api.trusted_proxies',
    type: 'strings',
    default: [],
    description:
      'networks of gateways whose X-Forwarded-Method, -Proto, -Host and -Uri describe the original request at /decisions, and whose X-Forwarded-For names the client',
    ours: true,
  },
  ...listenerSettings('proxy'),
  {
    path: 'serve.proxy.trust_forwarded_headers',
    type: 'boolean',
    default: false,
    description: 'proxy',
    idle: IGNORED_PROXY,
  },
  { path: 'serve.prometheus.port', type: 'port', default: 9000, description: 'port of the metrics server' },
  {
    path: 'serve.prometheus.host',
    type: 'string',
    description: 'address of the metrics server; unset is loopback, "" is all interfaces',
  },
  {
    path: 'serve.prometheus.metrics_path',
    type: 'string',
    default: '/metrics',
    description: 'path of the metrics',
  },
  {
    path: 'serve.prometheus.metric_name_prefix',
    type: 'string',
    default: 'ory_oathkeeper_',
    description: 'prefix of the metrics that Oathkeeper has too',
  },
  {
    path: 'serve.prometheus.hide_request_paths',
    type: 'boolean',
    default: false,
    description: "leaves the label `request` of Oathkeeper's metrics empty; otherwise it is `/decisions`",
  },
  {
    path: 'serve.prometheus.collapse_request_paths',
    type: 'boolean',
    default: true,
    description: 'metrics',
    idle: 'no metric carries the path of a request: it would have as many values as attackers like',
  },
  {
    path: 'access_rules.repositories',
    type: 'strings',
    default: [],
    description: 'where rules are read from: file://, http(s)://, inline://, s3://, gs://, azblob://',
    live: true,
  },
  {
    path: 'access_rules.poll_interval',
    type: DURATION,
    default: '0s',
    description:
      'how often repositories are read again that nobody tells of changes: http(s)://, s3://, gs://, azblob://. 0s: not at all, as Oathkeeper; 1s at least',
    ours: true,
    live: true,
  },
  {
    path: 'access_rules.matching_strategy',
    type: { oneOf: ['regexp', 'glob', ''] },
    default: 'regexp',
    description: 'how patterns in rules are read',
    live: true,
  },
  {
    path: 'access_rules.several_matches',
    type: { oneOf: ['refuse', 'first'] },
    default: 'refuse',
    description:
      'what a request gets that several rules match. refuse: 500, as Oathkeeper; first: the first of them alone decides, in the order of the repositories and of the rules in each, and what it refuses stays refused',
    ours: true,
    live: true,
  },
  {
    path: 'access_rules.default_rule',
    type: 'string',
    description:
      'id of the rule that decides where no rule matches; it needs no `match`. Unset: 404, as Oathkeeper',
    ours: true,
    live: true,
  },
  {
    path: 'access_rules.required',
    type: 'boolean',
    default: false,
    description:
      'ready only while at least one valid rule is in force; until then every request is 503. Otherwise a set without rules, once read, is one: every request is 404',
    ours: true,
    live: true,
  },
  {
    path: 'access_rules.fail_fast',
    type: 'boolean',
    default: false,
    description:
      'end with exit code 1 where the rules cannot be loaded at start: a repository that cannot be read or decoded, a set that is refused. Otherwise: start not ready, and try again',
    ours: true,
  },
  {
    path: 'errors.fallback',
    type: 'strings',
    default: ['json'],
    description: 'error handlers, in order, where a rule names none that fits',
    live: true,
  },
  {
    path: 'sessions.cache.max_entries',
    type: 'count',
    default: 100_000,
    description: 'most verified sessions kept in memory',
    ours: true,
  },
  {
    path: 'sessions.cache.ttl',
    type: DURATION,
    default: '60s',
    description:
      'longest time that a verified session is believed without asking Kratos again; also how long a logout may go unseen',
    ours: true,
  },
  {
    path: 'sessions.cache.stale_if_error',
    type: 'duration',
    default: '0s',
    description:
      'how long after its time a remembered session still counts while Kratos cannot be asked; never past its own end, never where a rule demands something of it. 0s: not at all',
    ours: true,
  },
  {
    path: 'sessions.cache.refresh_ahead',
    type: 'share',
    default: 0.2,
    description:
      'last part of a session’s time in memory in which a request has it renewed beside itself, so that nobody who keeps working waits for Kratos. 0: not at all',
    ours: true,
  },
  {
    path: 'sessions.refusals.ttl',
    type: DURATION,
    default: '1s',
    description:
      'how long an unknown credential that Kratos refused is refused again without asking; never one that was good lately. 0s: not at all',
    ours: true,
  },
  {
    path: 'sessions.refusals.max_entries',
    type: 'count',
    default: 10_000,
    description: 'most of these, on a shelf of their own: no verified session makes room for them',
    ours: true,
  },
  {
    path: 'sessions.refusals.burst',
    type: 'count',
    default: 1_000,
    description:
      'refusals of unknown credentials at once, of one Kratos; beyond it unknown credentials are 503 until some come back, known ones pass',
    ours: true,
  },
  {
    path: 'sessions.refusals.per_second',
    type: 'count',
    default: 100,
    description:
      'how many of these come back in a second: the rate at which invented credentials reach Kratos',
    ours: true,
  },
  {
    path: 'sessions.doubt.admin_url',
    type: 'url',
    description:
      'origin of Kratos’ admin port. When Kratos refuses a session that it knew lately, it is asked there whether the session has ended (401) or Kratos is sick (503)',
    ours: true,
  },
  {
    path: 'sessions.doubt.canary',
    type: 'string',
    description:
      'session of a technical identity that always lives, as token or as cookie name=value: the same question without the admin port. Give it by variable',
    ours: true,
  },
  {
    path: 'sessions.doubt.whoami_url',
    type: 'url',
    description:
      'the whoami URL that the two speak for, where rules name more than one Kratos; unset: for each',
    ours: true,
  },
  {
    path: 'sessions.doubt.burst',
    type: 'count',
    default: 10,
    description:
      'refusals in a row of sessions that Kratos knew lately, which neither of the two can explain, from which no refusal is believed: 503 instead of a login for everybody',
    ours: true,
  },
  {
    path: 'sessions.doubt.longest',
    type: DURATION,
    default: '60s',
    description: 'longest time for that; afterwards refusals are believed again',
    ours: true,
  },
  {
    path: 'sessions.breaker.failure_ratio',
    type: 'share',
    default: 0.5,
    description: 'share of failed calls to one Kratos from which it is left alone for a while',
    ours: true,
  },
  {
    path: 'sessions.breaker.minimum',
    type: 'count',
    default: 20,
    description: 'fewest calls in the last ten to twenty seconds that say anything',
    ours: true,
  },
  {
    path: 'sessions.breaker.open_for',
    type: DURATION,
    default: '2s',
    description: 'how long it is left alone before one call tries again; longer by chance, up to a quarter',
    ours: true,
  },
  {
    path: 'sessions.timeout',
    type: DURATION,
    default: '2s',
    description: 'longest time of one call to Kratos',
    ours: true,
  },
  {
    path: 'sessions.connections',
    type: 'count',
    default: 32,
    description:
      'most calls to one Kratos at a time; a quarter of them is for sessions that were good lately',
    ours: true,
  },
  {
    path: 'sessions.waiting',
    type: 'count',
    default: 1_000,
    description: 'most look-ups that wait for their turn; more are 503 at once',
    ours: true,
  },
  {
    path: 'sessions.revocation.keys',
    type: 'strings',
    default: [],
    description:
      'open POST /sessions/revocations on the api port for whoever knows one of them; 16 characters at least, several while they are exchanged. Give them by variable',
    ours: true,
  },
  {
    path: 'sessions.revocation.hold',
    type: DURATION,
    default: '5s',
    description:
      'how long nothing that Kratos says of a revoked session is remembered: longest time from the news to its commit, because some hooks run before it',
    ours: true,
  },
  {
    path: 'sessions.kratos_public.urls',
    type: 'strings',
    default: [],
    description:
      'where clients reach Kratos’ public API through Envoy (its base_url): requests that end or change sessions are seen there, and what is remembered of them goes before Kratos hears of it. Empty: not at all',
    ours: true,
  },
  {
    path: 'sessions.kratos_public.cookies',
    type: 'strings',
    default: ['ory_kratos_session'],
    description: 'names of Kratos’ session cookies there',
    ours: true,
  },
  {
    path: 'sessions.kratos_public.whoami_url',
    type: 'url',
    description:
      'whom to ask whose a credential is that is not remembered, when the other sessions of its identity may end; unset: check_session_url of cookie_session, where that is Kratos',
    ours: true,
  },
  {
    path: 'sessions.redis.nodes',
    type: 'strings',
    default: [],
    description:
      'Redis servers (host:port) over which replicas share sessions and revocations: one, or some of the sentinels or of the cluster. Empty: each replica by itself',
    ours: true,
  },
  {
    path: 'sessions.redis.mode',
    type: { oneOf: ['single', 'sentinel', 'cluster'] },
    default: 'single',
    description: 'what the nodes are',
    ours: true,
  },
  {
    path: 'sessions.redis.master',
    type: 'string',
    description: 'name of the master that the sentinels watch',
    ours: true,
  },
  {
    path: 'sessions.redis.database',
    type: 'integer',
    default: 0,
    description: 'number of the database; a cluster has only 0',
    ours: true,
  },
  {
    path: 'sessions.redis.username',
    type: 'string',
    description: 'user of Redis’ access lists',
    ours: true,
  },
  {
    path: 'sessions.redis.password',
    type: 'string',
    description: 'password of Redis. Give it by variable',
    ours: true,
  },
  {
    path: 'sessions.redis.sentinel_password',
    type: 'string',
    description: 'password of the sentinels. Give it by variable',
    ours: true,
  },
  {
    path: 'sessions.redis.keys',
    type: 'strings',
    default: [],
    description:
      'what is shared is encrypted with the first and opened with any of them, so that one can follow the other; 32 characters at least each. Give them by variable',
    ours: true,
  },
  {
    path: 'sessions.redis.prefix',
    type: 'string',
    default: 'credence:',
    description: 'before every key in Redis',
    ours: true,
  },
  {
    path: 'sessions.redis.timeout',
    type: DURATION,
    default: '50ms',
    description: 'longest time that a look into Redis may take; then Kratos is asked',
    ours: true,
  },
  {
    path: 'sessions.redis.tls.enabled',
    type: 'boolean',
    default: false,
    description: 'TLS to Redis and to the sentinels',
    ours: true,
  },
  {
    path: 'sessions.redis.tls.ca',
    type: 'string',
    description:
      'path of the authorities that may have signed Redis’ certificate; unset is those of the system',
    ours: true,
  },
  {
    path: 'sessions.redis.tls.cert',
    type: 'string',
    description: 'path of our certificate, where Redis asks for one',
    ours: true,
  },
  {
    path: 'sessions.redis.tls.key',
    type: 'string',
    description: 'path of its key',
    ours: true,
  },
  {
    path: 'sessions.redis.tls.server_name',
    type: 'string',
    description: 'name in Redis’ certificate, where it is not that of the node',
    ours: true,
  },
  {
    path: 'paths',
    type: { oneOf: ['strict', 'oathkeeper'] },
    default: 'strict',
    description:
      'strict refuses ambiguous paths with 400; oathkeeper decodes and cleans them as Oathkeeper does',
    ours: true,
  },
  {
    path: 'hosts',
    type: { oneOf: ['normalized', 'exact'] },
    default: 'normalized',
    description:
      'how rules see hosts. normalized: in lower case, without the default port and one trailing dot, in requests and patterns alike; exact: byte by byte, as Oathkeeper, so that whoever writes H passes by a pattern that means h',
    ours: true,
    live: true,
  },
  {
    path: 'strict',
    type: 'boolean',
    default: false,
    description:
      'refuse the whole rule set when one rule has an error, instead of answering 500 for that rule',
    ours: true,
    live: true,
  },
  {
    path: 'log.level',
    type: { oneOf: ['panic', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] },
    default: 'info',
    description: 'least important lines to write',
    live: true,
  },
  {
    path: 'log.format',
    type: { oneOf: ['json', 'json_pretty', 'gelf', 'text'] },
    description: 'form of the log; json unless set (gelf is written as json)',
  },
  {
    path: 'log.leak_sensitive_values',
    type: 'boolean',
    default: false,
    description: 'log',
    idle: IGNORED_REDACTION,
  },
  { path: 'log.redaction_text', type: 'string', description: 'log', idle: IGNORED_REDACTION },
  { path: 'log.additional_redacted_headers', type: 'strings', description: 'log', idle: IGNORED_REDACTION },
  {
    path: 'tracing.provider',
    type: { oneOf: ['jaeger', 'otel', 'zipkin', ''] },
    description: 'where traces go; the OTEL_* variables work too',
  },
  {
    path: 'tracing.service_name',
    type: 'string',
    default: 'credence',
    description: 'service name in traces and logs',
  },
  { path: 'tracing.deployment_environment', type: 'string', description: 'deployment environment in traces' },
  {
    path: 'tracing.providers.jaeger.local_agent_address',
    type: 'string',
    description: 'tracing',
    idle: IGNORED_JAEGER,
  },
  {
    path: 'tracing.providers.jaeger.sampling.server_url',
    type: 'url',
    description: 'tracing',
    idle: IGNORED_JAEGER,
  },
  {
    path: 'tracing.providers.jaeger.sampling.trace_id_ratio',
    type: 'share',
    description: 'tracing',
    idle: IGNORED_JAEGER,
  },
  {
    path: 'tracing.providers.zipkin.server_url',
    type: 'url',
    description: 'URL of the Zipkin collector',
  },
  {
    path: 'tracing.providers.zipkin.sampling.sampling_ratio',
    type: 'share',
    description: 'share of new traces that are sampled, 0 to 1',
  },
  {
    path: 'tracing.providers.otlp.server_url',
    type: 'string',
    default: '',
    description: 'host:port (or URL) of the OTLP/HTTP collector',
  },
  {
    path: 'tracing.providers.otlp.insecure',
    type: 'boolean',
    default: false,
    description: 'http instead of https to the collector',
  },
  {
    path: 'tracing.providers.otlp.sampling.sampling_ratio',
    type: 'share',
    description: 'share of new traces that are sampled, 0 to 1',
  },
  {
    path: 'tracing.providers.otlp.authorization_header',
    type: 'string',
    description: 'Authorization header sent to the collector',
  },
  {
    path: 'profiling',
    type: { oneOf: ['cpu', 'mem', ''] },
    description: 'profiling',
    idle: 'use Node’s own --cpu-prof and --heap-prof',
  },
  {
    path: 'version',
    type: 'string',
    description: 'version of the configuration, a semantic version with a leading v',
    live: true,
  },
]

/** `serve.grpc.port` → `--serve-grpc-port`. */
export const flagName = (setting: Setting): string => `--${setting.path.replace(/[._]/g, '-')}`
/** `serve.grpc.port` → `CREDENCE_SERVE_GRPC_PORT`. */
export const variableName = (setting: Setting): string =>
  `CREDENCE_${setting.path.replace(/\./g, '_').toUpperCase()}`
