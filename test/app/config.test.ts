import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { type Config, type ConfigSources, loadConfig } from '../../src/app/config.ts'
import { SETTINGS } from '../../src/app/settings.ts'
import { formatDiagnostic } from '../../src/documents/diagnostic.ts'
import {
  type AnyHandler,
  defineAuthenticator,
  defineErrorHandler,
  defineMutator,
  eraseConfigType,
} from '../../src/handlers/handler.ts'

const run = () => {
  throw new Error('never run')
}
const base = { summary: 'stands in', example: {}, compile: () => run }
/** Three shapes of handler: without config, with required keys, with free names. */
const HANDLERS: readonly AnyHandler[] = [
  eraseConfigType(
    defineAuthenticator({ ...base, id: 'noop', config: z.looseObject({}), ignoresConfig: true }),
  ),
  eraseConfigType(
    defineAuthenticator({
      ...base,
      id: 'cookie_session',
      config: z.strictObject({
        check_session_url: z.url(),
        only: z.array(z.string()).optional(),
        preserve_query: z.boolean().default(true),
        retry: z.strictObject({ max_delay: z.string().default('100ms') }).optional(),
      }),
    }),
  ),
  eraseConfigType(
    defineMutator({
      ...base,
      id: 'header',
      config: z.strictObject({ headers: z.record(z.string(), z.string()) }),
    }),
  ),
  eraseConfigType(
    defineErrorHandler({
      ...base,
      id: 'json',
      config: z.strictObject({ verbose: z.boolean().default(false) }),
    }),
  ),
] as unknown as readonly AnyHandler[]

/** The value of a setting by its path; code uses the setting itself, which has a type. */
function settingValue(config: Config, path: string): unknown {
  const setting = SETTINGS.find(one => one.path === path)
  assert.ok(setting !== undefined, path)
  return config.get(setting)
}

interface ConfigInput {
  readonly files?: Readonly<Record<string, string>>
  readonly env?: NodeJS.ProcessEnv
  readonly flags?: Readonly<Record<string, string>>
}
const loadInput = ({ files = {}, env = {}, flags = {} }: ConfigInput) => {
  const sources: ConfigSources = {
    files: Object.entries(files).map(([source, text]) => ({ source, text })),
    env,
    flags: new Map(Object.entries(flags)),
  }
  return loadConfig(sources, HANDLERS)
}
const issuesOf = (given: ConfigInput): readonly string[] => loadInput(given).issues.map(formatDiagnostic)
function configOf(given: ConfigInput): Config {
  const { config, issues } = loadInput(given)
  assert.ok(config !== undefined, issues.map(formatDiagnostic).join('\n'))
  return config
}
const yaml = (text: string): ConfigInput => ({ files: { 'c.yml': text } })

test('the defaults: loopback ports, no handler except json, no rules (I4)', () => {
  const config = configOf({})
  assert.equal(settingValue(config, 'serve.grpc.host'), '127.0.0.1')
  assert.equal(settingValue(config, 'serve.grpc.port'), 9191)
  assert.equal(settingValue(config, 'serve.api.host'), undefined)
  assert.equal(settingValue(config, 'serve.api.port'), 4456)
  assert.equal(settingValue(config, 'serve.api.timeout.write'), 120_000)
  assert.equal(settingValue(config, 'sessions.cache.ttl'), 60_000)
  assert.deepEqual(settingValue(config, 'access_rules.repositories'), [])
  assert.deepEqual(settingValue(config, 'errors.fallback'), ['json'])
  assert.deepEqual([...config.handlers.error], [['json', { enabled: true, config: undefined }]])
  assert.equal(config.handlers.authenticator.size, 0)
  assert.deepEqual(config.notices.map(formatDiagnostic), [
    'defaults: warning: serve.api.host: not set: listens on loopback only (set it to "" for all interfaces, as Oathkeeper does)',
    'defaults: warning: serve.prometheus.host: not set: listens on loopback only (set it to "" for all interfaces, as Oathkeeper does)',
  ])
})

test('values that lower security are reported at startup, with their position', () => {
  const { notices } = configOf(yaml('paths: oathkeeper\nhosts: exact\n'))
  assert.deepEqual(
    notices.flatMap(one => (one.source === 'defaults' ? [] : [[one.path, one.line]])),
    [
      ['paths', 1],
      ['hosts', 2],
    ],
  )
})

test('files override one another, flags override files, variables override all', () => {
  const files = {
    'a.yml': 'serve: {grpc: {port: 1, host: a}, api: {port: 1}}\nlog: {level: error}\n',
    'b.json': '{"serve": {"grpc": {"port": 2}, "api": {"port": 2}}}',
    'c.toml': '[serve.api]\nport = 3\n',
  }
  const flags = { 'serve.grpc.port': '4' }
  const read = (given: ConfigInput) => {
    const config = configOf(given)
    return [
      settingValue(config, 'serve.grpc.host'),
      settingValue(config, 'serve.grpc.port'),
      settingValue(config, 'serve.api.port'),
      settingValue(config, 'log.level'),
    ]
  }
  assert.deepEqual(read({ files }), ['a', 2, 3, 'error'])
  assert.deepEqual(read({ files, flags }), ['a', 4, 3, 'error'])
  assert.deepEqual(read({ files, flags, env: { CREDENCE_SERVE_GRPC_PORT: '5', LOG_LEVEL: 'debug' } }), [
    'a',
    5,
    3,
    'debug',
  ])
})

test('an empty host means all interfaces, unlike an unset one', () => {
  assert.equal(settingValue(configOf(yaml('serve: {api: {host: ""}}')), 'serve.api.host'), '')
})

test('YAML 1.1’s words for true are booleans at boolean settings only (Q-16)', () => {
  const config = configOf(
    yaml('authenticators: {noop: {enabled: on}}\nstrict: yes\ntracing: {service_name: off}\n'),
  )
  assert.equal(config.handlers.authenticator.get('noop')?.enabled, true)
  assert.equal(settingValue(config, 'strict'), true)
  assert.equal(settingValue(config, 'tracing.service_name'), 'off')
})

test('YAML 1.1’s words for true are booleans in the config of a handler, too (Q-16)', () => {
  const config = configOf(
    yaml(
      'authenticators: {cookie_session: {enabled: true, config: {check_session_url: "http://k/x", preserve_query: off}}}',
    ),
  )
  assert.equal(config.handlers.authenticator.get('cookie_session')?.config?.preserve_query, false)
})

test('a handler’s config is kept as written, without defaults', () => {
  const config = configOf(
    yaml('authenticators: {cookie_session: {enabled: true, config: {check_session_url: "http://k/x"}}}'),
  )
  assert.deepEqual(config.handlers.authenticator.get('cookie_session'), {
    enabled: true,
    config: { check_session_url: 'http://k/x' },
  })
})

test('a key that a handler requires may be set by rules (Q-93)', () => {
  assert.deepEqual(issuesOf(yaml('authenticators: {cookie_session: {enabled: true}}')), [])
  assert.deepEqual(issuesOf(yaml('authenticators: {cookie_session: {enabled: true, config: {}}}')), [])
})

test('the config of a handler that is not enabled is not checked', () => {
  assert.deepEqual(issuesOf(yaml('authenticators: {cookie_session: {config: {nonsense: 1}}}')), [])
})

/** A configuration, and its only problem. */
const ISSUES: readonly (readonly [name: string, text: string, issue: string])[] = [
  ['an unknown key at the top', 'foo: 1\n', 'c.yml:1:6: error: foo: unknown key "foo"'],
  ['a helper of anchors', 'x-anchor: &a 1\n', 'c.yml:1:14: error: x-anchor: unknown key "x-anchor"'],
  ['the schema key of editors', '$schema: x\n', 'c.yml:1:10: error: ["$schema"]: unknown key "$schema"'],
  [
    'a misspelt key',
    'serve:\n  api:\n    prot: 1\n',
    'c.yml:3:11: error: serve.api.prot: unknown key "prot" (did you mean "port"?)',
  ],
  [
    'a misspelt section',
    'authenticator:\n  noop: {enabled: true}\n',
    'c.yml:1:1: error: authenticator: unknown key "authenticator" (did you mean "authenticators"?)',
  ],
  [
    'an unknown handler',
    'authenticators:\n  cookie_sesion: {enabled: true}\n',
    'c.yml:2:18: error: authenticators.cookie_sesion: unknown handler "cookie_sesion" (did you mean "cookie_session"?)',
  ],
  [
    'a config for a handler without one',
    'authenticators: {noop: {enabled: true, config: {}}}\n',
    'c.yml:1:48: error: authenticators.noop.config: unknown key "config"',
  ],
  [
    'a key beside enabled and config',
    'authenticators: {cookie_session: {enabled: false, confg: 1}}\n',
    'c.yml:1:58: warning: authenticators.cookie_session.confg: unknown key "confg" (did you mean "config"?)',
  ],
  [
    'an unknown key in the config of a handler',
    'authenticators:\n  cookie_session:\n    enabled: true\n    config:\n      retry:\n        max_dela: 1s\n',
    'c.yml:6:19: error: authenticators.cookie_session.config.retry.max_dela: unknown key "max_dela" (did you mean "max_delay"?)',
  ],
  [
    'a number for enabled',
    'authenticators: {noop: {enabled: 3}}\n',
    'c.yml:1:34: error: authenticators.noop.enabled: must be true or false',
  ],
  [
    'a string for a port',
    'serve: {grpc: {port: "9191"}}\n',
    'c.yml:1:22: error: serve.grpc.port: must be a whole number from 0 to 65535',
  ],
  [
    'a port above 65535',
    'serve: {grpc: {port: 70000}}\n',
    'c.yml:1:22: error: serve.grpc.port: must be a whole number from 0 to 65535',
  ],
  [
    'a method that is not allowed for CORS',
    'serve: {api: {cors: {allowed_methods: [GET, OPTIONS]}}}\n',
    'c.yml:1:39: error: serve.api.cors.allowed_methods: must be a list of GET, HEAD, POST, PUT, DELETE, CONNECT, TRACE, PATCH, none of them twice',
  ],
  [
    'a list with a duplicate',
    'serve: {api: {cors: {allowed_origins: [a, a]}}}\n',
    'c.yml:1:39: error: serve.api.cors.allowed_origins: must be a list of strings, none of them twice',
  ],
  [
    'an invalid URL',
    'tracing: {providers: {zipkin: {server_url: zipkin}}}\n',
    'c.yml:1:44: error: tracing.providers.zipkin.server_url: must be an absolute http or https URL',
  ],
  [
    'a duration of two units',
    'sessions: {timeout: 1m30s}\n',
    'c.yml:1:21: error: sessions.timeout: must be a duration such as 500ms, 10s or 1m',
  ],
  [
    'an unknown strategy',
    'access_rules: {matching_strategy: foo}\n',
    'c.yml:1:35: error: access_rules.matching_strategy: must be one of regexp, glob',
  ],
  [
    'a string for a list',
    'access_rules: {repositories: "file:///x"}\n',
    'c.yml:1:30: error: access_rules.repositories: must be a list of strings',
  ],
  ['a list for a section', 'serve: []\n', 'c.yml:1:8: error: serve: must be a map'],
  [
    'a version of two parts',
    'version: v0.36\n',
    'c.yml:1:10: error: version: must be a full semantic version with a leading v (for example v0.40.9)',
  ],
  [
    'a placeholder for a signing key (F14)',
    'sessions: {revocation: {keys: ["whsec_****************"]}}\n',
    'c.yml:1:31: error: sessions.revocation.keys: must be base64 of at least 16 bytes after whsec_ (invalid characters would be ignored and could leave an empty key)',
  ],
  [
    'a fallback that is not enabled',
    'errors: {fallback: [json], handlers: {json: {enabled: false}}}\n',
    'c.yml:1:21: warning: errors.fallback[0]: error handler "json" is not enabled: requests are answered with 500 (set errors.handlers.json.enabled: true)',
  ],
  [
    'an unknown fallback',
    'errors: {fallback: [jsonn]}\n',
    'c.yml:1:21: warning: errors.fallback[0]: unknown error handler "jsonn": requests are answered with 500 (did you mean "json"?)',
  ],
  [
    'a duplicate key',
    'strict: true\nstrict: false\n',
    'c.yml:2:1: warning: strict: duplicate key "strict" (the last one counts)',
  ],
  ['a list at the top', '- 1\n', 'c.yml:1:1: error: a configuration must be a map'],
  [
    'a second document',
    'log: {level: debug}\n---\nserve: {}\n',
    'c.yml:3:1: warning: a second document begins here and is not read (remove the line "---", or write it to a file of its own)',
  ],
  [
    'a ConfigMap',
    'apiVersion: v1\nkind: ConfigMap\ndata: {}\n',
    'c.yml:1:1: error: this is a Kubernetes resource (ConfigMap), not a configuration (the configuration is a text in its `data`)',
  ],
  [
    'values of the chart',
    'oathkeeper: {config: {serve: {}}}\nreplicaCount: 2\n',
    "c.yml:1:1: error: these are values of Oathkeeper's Helm chart, not a configuration (the configuration is under oathkeeper.config)",
  ],
  ['invalid YAML', '{a: 1', 'c.yml:1:6: error: the file ends inside of "[" or "{" (close it)'],
]
for (const [name, text, issue] of ISSUES) {
  test(`${name} is reported with its position`, () => {
    assert.deepEqual(issuesOf(yaml(text)), [issue])
    assert.equal(loadInput(yaml(text)).config === undefined, issue.includes(': error: '))
  })
}

test('the problems of all files are reported together', () => {
  const issues = issuesOf({ files: { 'a.yml': 'foo: 1\n', 'b.yml': 'bar: 1\nserve: {grpc: {port: x}}\n' } })
  assert.equal(issues.length, 3)
})

test('a problem is reported in the last file that sets the key', () => {
  const issues = issuesOf({ files: { 'a.yml': 'log: {level: x}\n', 'b.yml': 'log:\n  level: y\n' } })
  assert.deepEqual(issues, [
    'b.yml:2:10: error: log.level: must be one of panic, fatal, error, warn, info, debug, trace',
  ])
})

test('invalid TOML is reported with its line', () => {
  const found = issuesOf({ files: { 'c.toml': 'a = 1\nb = [\n' } })
  assert.equal(found.length, 1)
  // One line, whatever the parser draws.
  assert.match(found[0] as string, /^c\.toml:\d+:\d+: error: (?!Invalid)[^\n]+\(it must be TOML\)$/)
})

const ENABLED_HANDLERS =
  'authenticators: {cookie_session: {enabled: true}}\nmutators: {header: {enabled: true, config: {headers: {A: a}}}}'
/** Oathkeeper's variables: the keys in upper case, joined with _. */
const VARIABLES: readonly (readonly [
  name: string,
  env: NodeJS.ProcessEnv,
  read: (config: Config) => unknown,
  is: unknown,
])[] = [
  ['a scalar', { TRACING_SERVICE_NAME: 'x' }, c => settingValue(c, 'tracing.service_name'), 'x'],
  [
    'a name in lower case (Q-90)',
    { tracing_service_name: 'x' },
    c => settingValue(c, 'tracing.service_name'),
    'x',
  ],
  ['a number', { SERVE_API_PORT: '81' }, c => settingValue(c, 'serve.api.port'), 81],
  [
    'a boolean',
    { AUTHENTICATORS_NOOP_ENABLED: 'true' },
    c => c.handlers.authenticator.get('noop')?.enabled,
    true,
  ],
  [
    'a boolean as 0',
    { AUTHENTICATORS_COOKIE_SESSION_ENABLED: '0' },
    c => c.handlers.authenticator.get('cookie_session')?.enabled,
    false,
  ],
  [
    'a list with commas',
    { ACCESS_RULES_REPOSITORIES: 'file:///a,file:///b' },
    c => settingValue(c, 'access_rules.repositories'),
    ['file:///a', 'file:///b'],
  ],
  [
    'a list with quotes',
    { ACCESS_RULES_REPOSITORIES: ',"file:///a,b","a""b",c\n' },
    c => settingValue(c, 'access_rules.repositories'),
    ['', 'file:///a,b', 'a"b', 'c'],
  ],
  ['a list in JSON', { ERRORS_FALLBACK: '["json"]' }, c => settingValue(c, 'errors.fallback'), ['json']],
  [
    'a list by numbers',
    { ACCESS_RULES_REPOSITORIES_0: 'a', ACCESS_RULES_REPOSITORIES_1: 'b' },
    c => settingValue(c, 'access_rules.repositories'),
    ['a', 'b'],
  ],
  [
    'a key of a handler',
    { AUTHENTICATORS_COOKIE_SESSION_CONFIG_CHECK_SESSION_URL: 'http://k/x' },
    c => c.handlers.authenticator.get('cookie_session')?.config?.check_session_url,
    'http://k/x',
  ],
  [
    'a free map in JSON, merged',
    { MUTATORS_HEADER_CONFIG_HEADERS: '{"B":"b"}' },
    c => ({ ...(c.handlers.mutator.get('header')?.config?.headers as object) }),
    { A: 'a', B: 'b' },
  ],
  [
    'a whole section in JSON, merged',
    { MUTATORS_HEADER_CONFIG: '{"headers":{"B":"b"}}' },
    c => ({ ...(c.handlers.mutator.get('header')?.config?.headers as object) }),
    { A: 'a', B: 'b' },
  ],
  [
    'a name of one segment sets nothing (Q-90)',
    { VERSION: '1.2', STRICT: '1' },
    c => [settingValue(c, 'version'), settingValue(c, 'strict')],
    [undefined, false],
  ],
  [
    'Credence’s settings have a prefix',
    { CREDENCE_PATHS: 'oathkeeper', SERVE_GRPC_PORT: '1' },
    c => [settingValue(c, 'paths'), settingValue(c, 'serve.grpc.port')],
    ['oathkeeper', 9191],
  ],
  [
    'a key of a free map sets nothing',
    { MUTATORS_HEADER_CONFIG_HEADERS_X_FOO: 'x' },
    c => ({ ...(c.handlers.mutator.get('header')?.config?.headers as object) }),
    { A: 'a' },
  ],
  [
    'a map on the way to a key, and a key in it',
    { SERVE_API: '{"port": 81, "cors": {"max_age": 5}}', SERVE_API_PORT: '82' },
    c => [settingValue(c, 'serve.api.port'), settingValue(c, 'serve.api.cors.max_age')],
    [82, 5],
  ],
  [
    'a whole handler',
    { MUTATORS_HEADER: '{"enabled": true, "config": {"headers": {"B": "b"}}}' },
    c => ({ ...(c.handlers.mutator.get('header')?.config?.headers as object) }),
    { A: 'a', B: 'b' },
  ],
  [
    'the words for true that files may have',
    { CREDENCE_STRICT: 'yes', CREDENCE_SERVE_API_DECISIONS: 'On', AUTHENTICATORS_NOOP_ENABLED: '1' },
    c => [
      settingValue(c, 'strict'),
      settingValue(c, 'serve.api.decisions'),
      c.handlers.authenticator.get('noop')?.enabled,
    ],
    [true, true, true],
  ],
  [
    'no name of one segment (Q-90)',
    { ACCESS_RULES: '{"matching_strategy": "glob"}', LOG: '{"level": "debug"}' },
    c => [settingValue(c, 'access_rules.matching_strategy'), settingValue(c, 'log.level')],
    ['regexp', 'info'],
  ],
]
for (const [name, env, read, is] of VARIABLES) {
  test(`environment: ${name}`, () => {
    assert.deepEqual(issuesOf({ ...yaml(ENABLED_HANDLERS), env }), [])
    assert.deepEqual(read(configOf({ ...yaml(ENABLED_HANDLERS), env })), is)
  })
}

const BAD_VARIABLES: readonly (readonly [name: string, env: NodeJS.ProcessEnv, issue: string])[] = [
  [
    'a number that is none (Q-91)',
    { SERVE_API_PORT: 'abc' },
    'environment: error: SERVE_API_PORT: must be a whole number from 0 to 65535',
  ],
  [
    'a value out of its list',
    { ACCESS_RULES_MATCHING_STRATEGY: 'foo' },
    'environment: error: ACCESS_RULES_MATCHING_STRATEGY: must be one of regexp, glob',
  ],
  [
    'a number of ours that is too large',
    { CREDENCE_SERVE_GRPC_PORT: '99999' },
    'environment: error: CREDENCE_SERVE_GRPC_PORT: must be a whole number from 0 to 65535',
  ],
  [
    'a misspelt variable of ours',
    { CREDENCE_SERVE_GRPC_PROT: '1' },
    'environment: warning: CREDENCE_SERVE_GRPC_PROT: unknown variable (did you mean CREDENCE_SERVE_GRPC_PORT?)',
  ],
]
for (const [name, env, issue] of BAD_VARIABLES) {
  test(`environment: ${name} is reported`, () => assert.deepEqual(issuesOf({ env }), [issue]))
}

test('a problem of a flag names the flag', () => {
  assert.deepEqual(issuesOf({ flags: { paths: 'loose' } }), [
    'command line: error: --paths: must be one of strict, oathkeeper',
  ])
  assert.deepEqual(issuesOf({ flags: { 'serve.grpc.port': 'x' } }), [
    'command line: error: --serve-grpc-port: must be a whole number from 0 to 65535',
  ])
})

test('Oathkeeper’s keys without effect are reported', () => {
  const text =
    'serve:\n  proxy:\n    port: 4455\n  api: {host: ""}\n  prometheus: {host: ""}\nprofiling: cpu\n'
  const { notices } = configOf(yaml(text))
  assert.deepEqual(
    notices.map(one => [one.path, one.line, one.severity]),
    [
      ['serve.proxy.port', 3, 'warning'],
      ['profiling', 6, 'warning'],
    ],
  )
})

test('a section without effect is one notice, and CORS of the proxy says what to do instead', () => {
  const text =
    'serve:\n  proxy:\n    port: 4455\n    timeout: {read: 5s, write: 5s}\n    cors: {enabled: true, debug: true}\n' +
    'log: {leak_sensitive_values: true, redaction_text: x}\n'
  const ignoredOf = (sources: Parameters<typeof configOf>[0]) =>
    configOf(sources).notices.filter(({ message }) => message === 'accepted, without effect')
  const notices = ignoredOf(yaml(text))
  assert.deepEqual(
    notices.map(one => [one.path, one.line]),
    [
      ['serve.proxy', 2],
      ['serve.proxy.cors', 5],
      ['log.leak_sensitive_values', 6],
      ['log.redaction_text', 6],
    ],
  )
  assert.match(notices[1]?.hint ?? '', /envoy\.filters\.http\.cors/)
  const fromEnvironment = ignoredOf({ env: { SERVE_PROXY_PORT: '1', SERVE_PROXY_HOST: 'h' } })
  assert.deepEqual(
    fromEnvironment.map(one => one.path),
    ['SERVE_PROXY_PORT', 'SERVE_PROXY_HOST'],
  )
})

test('a flag that repeats its default and a section that is off are no notice', () => {
  const ignoredOf = (text: string) =>
    configOf(yaml(text)).notices.flatMap(one =>
      one.message === 'accepted, without effect' ? [one.path] : [],
    )
  const off =
    'serve:\n  proxy:\n    cors: {enabled: false, allowed_origins: [https://a.example], allow_credentials: true}\n' +
    '  api: {cors: {debug: true}}\n  prometheus: {collapse_request_paths: true}\n' +
    'log: {leak_sensitive_values: false}\n'
  assert.deepEqual(ignoredOf(off), [])
  assert.deepEqual(ignoredOf(off.replace('enabled: false', 'enabled: true')), ['serve.proxy.cors'])
  assert.deepEqual(ignoredOf(off.replace('paths: true', 'paths: false')), [
    'serve.prometheus.collapse_request_paths',
  ])
  const fromEnvironment = configOf({ ...yaml(off), env: { SERVE_PROXY_CORS_ENABLED: 'true' } })
  assert.ok(fromEnvironment.notices.some(({ hint }) => hint?.includes('envoy.filters.http.cors')))
})

test('the position of a value is known: its source and line', () => {
  const config = configOf({
    files: {
      'a.yml': ENABLED_HANDLERS,
      'b.yml': 'mutators:\n  header:\n    config:\n      headers:\n        B: b\n',
    },
    env: { AUTHENTICATORS_COOKIE_SESSION_CONFIG_CHECK_SESSION_URL: 'http://k/x' },
  })
  const headers = ['mutators', 'header', 'config', 'headers']
  assert.deepEqual(config.positionOf([...headers, 'B']), { source: 'b.yml', line: 5, column: 12 })
  assert.deepEqual(config.positionOf([...headers, 'A']), { source: 'a.yml', line: 2, column: 58 })
  assert.deepEqual(config.positionOf(['authenticators', 'cookie_session', 'config', 'check_session_url']), {
    source: 'environment',
    line: 0,
    column: 0,
  })
  assert.deepEqual(
    config.positionOf(['authenticators', 'cookie_session', 'config', 'only']).source,
    'environment',
  )
})

test('no problem quotes a value, which may be a secret', () => {
  const secret = 'c0rrect-horse'
  const { issues } = loadInput({
    files: {
      'c.yml': `log: {level: ${secret}}\nsessions: {timeout: ${secret}}\nauthenticators: {cookie_session: {enabled: true, config: {check_session_url: "${secret}"}}}\n`,
    },
    env: { SERVE_API_PORT: secret },
  })
  assert.equal(issues.length, 4)
  assert.ok(!issues.map(formatDiagnostic).join('\n').includes(secret))
})
