import assert from 'node:assert/strict'
import test from 'node:test'
import { unauthorized } from '../../src/access/denial.ts'
import type { Step } from '../../src/access/pipeline.ts'
import type { Header, Session } from '../../src/access/session.ts'
import {
  createHandlerBuilder,
  type GlobalHandlers,
  type HandlerSettings,
} from '../../src/handlers/builder.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { requestWith } from '../support/request.ts'
import { createHandlerHarness } from '../support/services.ts'
import { sessionOf } from './build.ts'

type HandlerSections = {
  readonly [kind in keyof GlobalHandlers]?: Readonly<Record<string, HandlerSettings['config']>>
}

/** Every handler named is enabled with this config; `undefined` is an enabled one without. */
function createTestBuilder(sections: HandlerSections, fallback: readonly string[] = []) {
  const settings = Object.fromEntries(
    (['authenticator', 'authorizer', 'mutator', 'error'] as const).map(kind => [
      kind,
      new Map(Object.entries(sections[kind] ?? {}).map(([id, config]) => [id, { enabled: true, config }])),
    ]),
  ) as unknown as GlobalHandlers
  return createHandlerBuilder({
    handlers: HANDLERS,
    settings,
    fallback,
    services: createHandlerHarness().services,
    strategy: 'regexp',
    trace: (_kind, _id, run) => run,
  })
}

async function headersAfter(run: Step): Promise<readonly Header[] | number> {
  const outcome = await run(sessionOf('sam'))
  return outcome.kind === 'session' ? (outcome as Session).headers : outcome.status
}

test('the rule’s config is laid over the service’s: maps merge, texts and lists replace (spec 1.7)', async () => {
  const builder = createTestBuilder({
    mutator: { header: { headers: { a: 'global', b: 'global', 'X.Dot': 'kept' } } },
  })
  const { stage } = builder.mutator({ handler: 'header', config: { headers: { b: 'rule' } } })
  assert.deepEqual(await headersAfter(stage.run), [
    { name: 'a', value: 'global' },
    { name: 'b', value: 'rule' },
    { name: 'x.dot', value: 'kept' },
  ])
})

test('an empty map of the rule takes nothing away, a null takes the place of all and is refused', async () => {
  const builder = createTestBuilder({ mutator: { header: { headers: { a: 'global' } } } })
  const headers = async (config: unknown) =>
    headersAfter(builder.mutator({ handler: 'header', config }).stage.run)
  for (const config of [undefined, null, {}, { headers: {} }]) {
    assert.deepEqual(await headers(config), [{ name: 'a', value: 'global' }])
  }
  for (const config of [{ headers: null }, [], 'text', 0]) assert.equal(await headers(config), 500)
})

test('the rule’s choice of where the token is takes the place of the service’s (Q-92)', () => {
  const url = 'http://sessions/'
  const config = { check_session_url: url, token_from: { header: 'X-A' } }
  const builder = createTestBuilder({ authenticator: { bearer_token: config } })
  const run = (over: object) => builder.authenticator({ handler: 'bearer_token', config: over }).stage.run
  const asked = run({ token_from: { cookie: 'c' } })(requestWith([['X-A', 't']]))
  assert.equal('kind' in asked && asked.kind, 'not responsible')
  // Nothing is no choice (seen on a running Oathkeeper v0.40.9), and two are none either.
  const empty = run({ token_from: {} })(requestWith([['Cookie', 'c=t']]))
  assert.equal('kind' in empty && empty.kind, 'not responsible')
  const two = run({ token_from: { header: 'a', cookie: 'b' } })(requestWith())
  assert.equal('status' in two && two.status, 500)
})

for (const [handler, key, value, path] of [
  ['cookie_session', 'additional_headers', { 'x y': 'v' }, 'config.additional_headers.x y'],
  ['bearer_token', 'additional_headers', { '': 'v' }, 'config.additional_headers.'],
  ['bearer_token', 'additional_headers', { 'X-A': 'a\nb' }, 'config.additional_headers.X-A'],
  ['cookie_session', 'force_method', 'GET /', 'config.force_method'],
  [
    'oauth2_introspection',
    'introspection_request_headers',
    { 'X-A': 'a\0' },
    'config.introspection_request_headers.X-A',
  ],
] as const) {
  test(`what no client could send is found at load: ${handler} ${JSON.stringify(value)}`, () => {
    const url = 'http://sessions/'
    const required =
      handler === 'oauth2_introspection' ? { introspection_url: url } : { check_session_url: url }
    const builder = createTestBuilder({ authenticator: { [handler]: required } })
    const { diagnostics: faults } = builder.authenticator({ handler, config: { [key]: value } })
    const [first] = faults.filter(({ severity }) => severity === 'error')
    assert.equal(first?.path.join('.'), path)
  })
}

test('what cannot be built answers 500 at its place and says what is wrong where', async () => {
  const builder = createTestBuilder({ mutator: { header: undefined } })
  for (const [ref, path, message] of [
    [{ handler: 'headr' }, 'handler', /unknown mutator.*did you mean "header"/],
    [{ handler: 'quux' }, 'handler', /unknown mutator.*known: cookie, header, hydrator, id_token, noop/],
    [
      { handler: 'cookie', config: { cookies: {} } },
      'handler',
      /not enabled.*set mutators.cookie.enabled: true/,
    ],
    [{ handler: 'header' }, 'config.headers', /./],
    [{ handler: 'header', config: { headers: { a: '{{' } } }, 'config.headers.a', /does not parse/],
    [{ handler: 'header', config: { headers: {}, hedders: 1 } }, 'config.hedders', /unknown key/],
  ] as const) {
    const { stage, diagnostics: faults } = builder.mutator(ref)
    assert.equal(await headersAfter(stage.run), 500)
    assert.deepEqual(
      faults.map(fault => [fault.severity, fault.path.join('.')]),
      [['error', path]],
    )
    assert.match(`${faults[0]?.message} ${faults[0]?.hint}`, message)
  }
})

test('what cannot be built still says which headers it has for its own (D1b)', () => {
  const builder = createTestBuilder({ mutator: { header: { headers: { 'X-User': 'u' } } }, authorizer: {} })
  const headers = { 'X-Role': '{{ print .Subject }}' }
  for (const [ref, names] of [
    [{ handler: 'header', config: { headers: { 'X-Role': '{{' } } }, ['x-user', 'x-role']],
    [{ handler: 'header', config: { headers, hedders: 1 } }, ['x-user', 'x-role']],
    [{ handler: 'header', config: { headers: { ...headers, 'X-Age': 7 } } }, ['x-user', 'x-role']],
    [
      { handler: 'header', config: { headers: { ...headers, 'bad name': '', host: '' } } },
      ['x-user', 'x-role'],
    ],
    [{ handler: 'header', config: { headers: 'X-Role' } }, []],
    [{ handler: 'header', config: 'X-Role' }, []],
  ] as const) {
    const { setsHeaders: writes, diagnostics: faults } = builder.mutator(ref)
    assert.ok(faults.length > 0)
    assert.deepEqual(writes, names)
  }
  const config = { remote: 'http://r', forward_response_headers_to_upstream: ['X-Role'] }
  assert.deepEqual(builder.authorizer({ handler: 'remote', config }).setsHeaders, ['x-role'])
})

test('each kind is built from its own section and named by it, and says what it may write', () => {
  const builder = createTestBuilder({
    authenticator: { noop: undefined },
    authorizer: { allow: undefined },
    mutator: { header: { headers: { 'X-A': '' } } },
    error: { json: undefined },
  })
  const hints = [
    builder.authenticator({ handler: 'jwt' }),
    builder.authorizer({ handler: 'deny' }),
    builder.responder({ handler: 'redirect' }),
  ].map(({ diagnostics: faults }) => faults[0]?.hint)
  assert.deepEqual(hints, [
    'set authenticators.jwt.enabled: true',
    'set authorizers.deny.enabled: true',
    'set errors.handlers.redirect.enabled: true',
  ])
  assert.deepEqual(builder.authenticator({ handler: 'noop' }).diagnostics, [])
  assert.deepEqual(builder.authorizer({ handler: 'allow' }).diagnostics, [])
  assert.deepEqual(builder.mutator({ handler: 'header' }).setsHeaders, ['x-a'])
})

test('what a handler warns of is said at its key, and it works all the same', async () => {
  const builder = createTestBuilder({ mutator: { header: undefined } })
  const config = { headers: { 'X-A': '{{ .Extra.none }}' } }
  const { stage, diagnostics: faults } = builder.mutator({ handler: 'header', config })
  assert.deepEqual(
    faults.map(({ severity, path }) => [severity, path.join('.')]),
    [['warning', 'config.headers.X-A']],
  )
  assert.deepEqual(await headersAfter(stage.run), [{ name: 'x-a', value: '<no value>' }])
})

test('what is wrong is in the reason of the 500, for whoever reads the log', () => {
  const builder = createTestBuilder({
    authorizer: { remote: { remote: 'http://a/' } },
    error: { json: undefined },
  })
  const refused = builder.authorizer({ handler: 'remote', config: { headers: { 'x y': '' } } }).stage.run
  const outcome = refused(sessionOf('sam'))
  assert.deepEqual('reason' in outcome && [outcome.message, outcome.reason], [
    'authorizer matching this route is misconfigured or disabled',
    'not a header name',
  ])
  const { misconfiguration: broken } = builder.responder({
    handler: 'json',
    config: { when: [{ request: { cidr: ['x'] } }] },
  })
  assert.equal(broken?.reason, 'not a list of networks')
})

test('a condition that holds for everything is an empty text, equal ones are equal (Q-36)', () => {
  const builder = createTestBuilder({ error: { json: undefined } })
  const condition = (when?: unknown) => builder.responder({ handler: 'json', config: { when } }).conditionKey
  for (const when of [undefined, [], [{}], [{ error: ['forbidden'] }, {}]]) assert.equal(condition(when), '')
  const one = condition([{ error: ['forbidden'], request: {} }])
  assert.notEqual(one, '')
  assert.equal(one, condition([{ request: {}, error: ['forbidden'] }]))
  assert.notEqual(one, condition([{ error: ['unauthorized'] }]))
})

test('equal handlers share one function, in whatever order their keys are written', () => {
  const builder = createTestBuilder({
    authenticator: { anonymous: undefined },
    mutator: { header: undefined },
  })
  const run = (headers: object) => builder.mutator({ handler: 'header', config: { headers } }).stage.run
  assert.equal(run({ a: '1', b: '2' }), run({ b: '2', a: '1' }))
  assert.notEqual(run({ a: '1' }), run({ a: '2' }))
})

const LOGIN = { handler: 'redirect', config: { to: '/login', when: [{ error: ['forbidden'] }] } }
test('of error handlers that cannot be built, all but one that is switched off spoil every answer (spec 7.1)', () => {
  const builder = createTestBuilder({ error: { json: undefined, redirect: undefined } })
  const spoils = (ref: { handler: string; config?: unknown }) => {
    const built = builder.responder(ref)
    return [built.misconfiguration !== undefined, built.invalidatesRule]
  }
  const { when } = LOGIN.config
  assert.deepEqual(spoils(LOGIN), [false, false])
  assert.deepEqual(spoils({ handler: 'www_authenticate', config: { when } }), [true, false])
  assert.deepEqual(spoils({ handler: 'redirrect', config: { when } }), [true, true])
  assert.deepEqual(spoils({ handler: 'redirect', config: { when } }), [true, true])
  assert.deepEqual(spoils({ handler: 'json', config: { when: [{ errors: [] }] } }), [true, true])
})

test('the condition of an error handler is that of the merged config, the rule’s before the service’s', () => {
  const global = { to: '/', when: [{ error: ['unauthorized'] }] }
  const builder = createTestBuilder({ error: { redirect: global } }, ['redirect'])
  const fits = (config?: object) =>
    builder.responder({ handler: 'redirect', config }).when(unauthorized('no_credential'), requestWith())
  assert.ok(fits())
  assert.ok(!fits({ when: [{ error: ['forbidden'] }] }))
  assert.ok(fits({ when: [] }))
  assert.ok(builder.fallback[0]?.when(unauthorized('no_credential'), requestWith()))
})
