/** Each preserved quirk that can be found in a rule or in the configuration is reported by `validate`. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { clock } from '../../src/app/app.ts'
import { validate } from '../../src/cli/validate.ts'
import { createValidateDependencies } from '../../src/cli/validate_dependencies.ts'

const HANDLERS = {
  authenticators: {
    anonymous: { enabled: true },
    noop: { enabled: true },
    cookie_session: { enabled: true, config: { check_session_url: 'http://s/check' } },
    bearer_token: { enabled: true, config: { check_session_url: 'http://s/check' } },
    jwt: { enabled: true, config: { jwks_urls: ['http://k/keys'] } },
    oauth2_introspection: { enabled: true, config: { introspection_url: 'http://i/introspect' } },
  },
  authorizers: {
    allow: { enabled: true },
    remote: { enabled: true, config: { remote: 'http://r/' } },
    remote_json: { enabled: true, config: { remote: 'http://r/', payload: '{}' } },
  },
  mutators: {
    noop: { enabled: true },
    header: { enabled: true, config: { headers: {} } },
    hydrator: { enabled: true, config: { api: { url: 'http://p/' } } },
  },
  errors: { handlers: { redirect: { enabled: true, config: { to: 'http://login/' } } } },
}
const RULE = {
  id: 'r',
  match: { url: 'http://h/a', methods: ['GET'] },
  authenticators: [{ handler: 'noop' }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'noop' }],
}
const authn = (handler: string, config?: object) => [{ ...RULE, authenticators: [{ handler, config }] }]
const match = (url: string) => [{ ...RULE, match: { ...RULE.match, url } }]
const header = (template: string) => [
  { ...RULE, mutators: [{ handler: 'header', config: { headers: { 'X-A': template } } }] },
]

/** Rules, and the diagnostic that validate prints for them. */
const LINTS: readonly (readonly [
  q: string,
  about: string,
  rules: readonly object[],
  expected: RegExp,
  more?: object,
])[] = [
  ['Q-01', 'an invalid rule', [{ ...RULE, mutators: [] }], /error: .*no mutators/],
  ['Q-02', 'a rule without match', [{ ...RULE, match: undefined }], /error: .*no match/],
  ['Q-03', 'an empty URL', match(''), /error: .*match\.url is empty/],
  ['Q-04', 'a broken pattern', match('http://h/<[>'), /error: .*class is not closed/],
  [
    'Q-05',
    'two rules that one request can match',
    [RULE, { ...RULE, id: 's' }],
    /overlaps with "r".*GET http:\/\/h\/a matches both/,
  ],
  [
    'Q-05',
    'a rule that is never reached, where the first one decides',
    [RULE, { ...RULE, id: 's' }],
    /0 errors, 1 warning/,
    { access_rules: { on_multiple_matches: 'first' } },
  ],
  [
    'Q-06',
    'a default rule that does not exist',
    [RULE],
    /config\.json:1:\d+: error: access_rules\.default_rule: no rule has the id "q"/,
    { access_rules: { default_rule: 'q' } },
  ],
  [
    'Q-09',
    'an unknown field',
    [{ ...RULE, authenticator: [] }],
    /unknown field "authenticator" is ignored \(did you mean "authenticators"/,
  ],
  ['Q-10', 'a missing id', [{ ...RULE, id: undefined }], /no id/],
  [
    'Q-10',
    'a duplicate id',
    [RULE, { ...RULE, match: { url: 'http://h/b', methods: ['GET'] } }],
    /duplicate id "r"/,
  ],
  [
    'Q-19',
    'dot segments in a pattern',
    match('http://h/a/../b'),
    /never matches: requests with .*are rejected/,
  ],
  ['Q-20', 'a host in upper case', match('http://API.example/a'), /is lower-cased/],
  ['Q-24', 'a pattern of polynomial cost', match('http://h/<.*>a<.*>b<.*>'), /to the power of/],
  [
    'Q-27',
    'a regular expression with the glob strategy',
    match('http://h/<.*>'),
    /looks like a regular expression/,
    { access_rules: { matching_strategy: 'glob' } },
  ],
  [
    'Q-36',
    'two error handlers that match',
    [{ ...RULE, errors: [{ handler: 'json' }, { handler: 'redirect' }] }],
    /500/,
  ],
  [
    'Q-36',
    'a disabled error handler',
    [{ ...RULE, errors: [{ handler: 'www_authenticate' }] }],
    /not enabled/,
  ],
  [
    'Q-36',
    'a disabled fallback',
    [RULE],
    /www_authenticate" is not enabled/,
    { errors: { fallback: ['www_authenticate'] } },
  ],
  ['Q-46', 'cookie_session without only', authn('cookie_session'), /only/],
  ['Q-49', 'a path that is replaced', authn('cookie_session', { only: ['a'] }), /preserve_path/],
  [
    'Q-50',
    'whoami with the method of the request',
    authn('cookie_session', { check_session_url: 'http://k/sessions/whoami', force_method: 'POST' }),
    /GET|method/,
  ],
  [
    'Q-57',
    'scopes without a strategy, introspected',
    authn('oauth2_introspection', { required_scope: ['a'] }),
    /scope_strategy/,
  ],
  [
    'Q-57',
    'scopes without a strategy, of a token',
    authn('jwt', { required_scope: ['a'] }),
    /scope_strategy/,
  ],
  ['Q-62', 'jwks_ttl in a rule', authn('jwt', { jwks_ttl: '5s' }), /jwks_ttl/],
  [
    'Q-68',
    'a payload that allows injection',
    [{ ...RULE, authorizer: { handler: 'remote_json', config: { payload: '{"s":"{{ .Subject }}"}' } } }],
    /toJson/,
  ],
  [
    'Q-70',
    'a remote authorizer, which needs the body',
    [{ ...RULE, authorizer: { handler: 'remote' } }],
    /with_request_body|body/,
  ],
  [
    'Q-72',
    'both authorizer and authorizers',
    [{ ...RULE, authorizers: [{ handler: 'allow' }] }],
    /rules\.json:\d+:\d+: error: authorizers: the rule has both authorizer and authorizers/,
  ],
  [
    'Q-73',
    'a glob that Oathkeeper misreads',
    match('http://h/<{foo*,bar}>'),
    /Oathkeeper misreads/,
    { access_rules: { matching_strategy: 'glob' } },
  ],
  ['Q-78', 'a member that may be missing', header('{{ .Extra.nope }}'), /<no value>/],
  [
    'Q-85',
    'a hydrator whose cache key has every header',
    [{ ...RULE, mutators: [{ handler: 'hydrator', config: { cache: { enabled: true } } }] }],
    /almost never has a hit.*ignored_headers/,
  ],
  ['Q-81', 'a template that reads the environment', header('{{ env "HOME" }}'), /"env" is not available/],
]

async function validateOutput(rules: readonly object[], more: object): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'lints-'))
  const { dependencies, close } = createValidateDependencies(clock)
  let text = ''
  try {
    const file = join(dir, 'rules.json')
    writeFileSync(file, JSON.stringify(rules, null, 1))
    const { access_rules: access, errors, ...rest } = more as { access_rules?: object; errors?: object }
    const config = {
      ...HANDLERS,
      ...rest,
      errors: { ...HANDLERS.errors, ...errors },
      access_rules: { ...access, repositories: [`file://${file}`] },
    }
    writeFileSync(join(dir, 'config.json'), JSON.stringify(config))
    const io = {
      out: (line: string) => {
        text += line
      },
      err: () => {},
      env: {},
    }
    const args = { configFiles: [join(dir, 'config.json')], flags: new Map(), rules: [], strict: false }
    await validate(args, io, dependencies)
  } finally {
    await close()
    rmSync(dir, { recursive: true, force: true })
  }
  return text
}

for (const [q, about, rules, expected, more = {}] of LINTS) {
  test(`${q}: validate reports ${about}`, async () => {
    assert.match(await validateOutput(rules, more), expected)
  })
}

test('validate reports nothing about a valid rule', async () => {
  assert.match(await validateOutput([RULE], {}), /^0 errors, 0 warnings in 1 rule\n$/)
})
