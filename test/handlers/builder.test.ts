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
import { createHandlerHarness, testPages } from '../support/handler_harness.ts'
import { requestWith } from '../support/request.ts'
import { sessionOf } from './build.ts'

type HandlerSections = {
  readonly [kind in keyof GlobalHandlers]?: Readonly<Record<string, HandlerSettings['config']>>
}

/** Enables every named handler with the given config; `undefined` enables it without one. */
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
    pages: testPages(),
    trace: (_kind, _id, run) => run,
  })
}

async function headersAfter(run: Step): Promise<readonly Header[] | number> {
  const outcome = await run(sessionOf('sam'))
  return outcome.kind === 'session' ? (outcome as Session).headers : outcome.status
}

test('merges the config of the rule into that of the service: maps merge, other values replace', async () => {
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

test('an empty map of the rule removes nothing, and a null replaces the whole and is rejected', async () => {
  const builder = createTestBuilder({ mutator: { header: { headers: { a: 'global' } } } })
  const headers = async (config: unknown) =>
    headersAfter(builder.mutator({ handler: 'header', config }).stage.run)
  for (const config of [undefined, null, {}, { headers: {} }]) {
    assert.deepEqual(await headers(config), [{ name: 'a', value: 'global' }])
  }
  for (const config of [{ headers: null }, [], 'text', 0]) assert.equal(await headers(config), 500)
})

test('token_from of the rule replaces that of the service (Q-92)', () => {
  const url = 'http://sessions/'
  const config = { check_session_url: url, token_from: { header: 'X-A' } }
  const builder = createTestBuilder({ authenticator: { bearer_token: config } })
  const run = (over: object) => builder.authenticator({ handler: 'bearer_token', config: over }).stage.run
  const asked = run({ token_from: { cookie: 'c' } })(requestWith([['X-A', 't']]))
  assert.equal('kind' in asked && asked.kind, 'not responsible')
  // An empty object and two keys are invalid, as observed with Oathkeeper v0.40.9.
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
  test(`reports an unsendable header when rules load: ${handler} ${JSON.stringify(value)}`, () => {
    const url = 'http://sessions/'
    const required =
      handler === 'oauth2_introspection' ? { introspection_url: url } : { check_session_url: url }
    const builder = createTestBuilder({ authenticator: { [handler]: required } })
    const { diagnostics: faults } = builder.authenticator({ handler, config: { [key]: value } })
    const [first] = faults.filter(({ severity }) => severity === 'error')
    assert.equal(first?.path.join('.'), path)
  })
}

test('a misconfigured handler denies with 500 and reports what is wrong and where', async () => {
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

test('a misconfigured handler still declares the headers that it sets (D1b)', () => {
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

test('builds each kind from its own section and declares the headers that it sets', () => {
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

test('reports a warning at its key and builds the handler', async () => {
  const builder = createTestBuilder({ mutator: { header: undefined } })
  const config = { headers: { 'X-A': '{{ .Extra.none }}' } }
  const { stage, diagnostics: faults } = builder.mutator({ handler: 'header', config })
  assert.deepEqual(
    faults.map(({ severity, path }) => [severity, path.join('.')]),
    [['warning', 'config.headers.X-A']],
  )
  assert.deepEqual(await headersAfter(stage.run), [{ name: 'x-a', value: '<no value>' }])
})

test('the reason of the 500 says what is wrong', () => {
  const builder = createTestBuilder({
    authorizer: { remote: { remote: 'http://a/' } },
    error: { json: undefined },
  })
  const refused = builder.authorizer({ handler: 'remote', config: { headers: { 'x y': '' } } }).stage.run
  const outcome = refused(sessionOf('sam'))
  assert.deepEqual('reason' in outcome && [outcome.message, outcome.reason], [
    'authorizer matching this route is misconfigured or disabled',
    'must be a header name',
  ])
  const { misconfiguration: broken } = builder.responder({
    handler: 'json',
    config: { when: [{ request: { cidr: ['x'] } }] },
  })
  assert.equal(broken?.reason, 'must be a list of networks')
})

test('the key of a condition is empty if it matches everything, and equal for equal conditions (Q-36)', () => {
  const builder = createTestBuilder({ error: { json: undefined } })
  const condition = (when?: unknown) => builder.responder({ handler: 'json', config: { when } }).conditionKey
  for (const when of [undefined, [], [{}], [{ error: ['forbidden'] }, {}]]) assert.equal(condition(when), '')
  const one = condition([{ error: ['forbidden'], request: {} }])
  assert.notEqual(one, '')
  assert.equal(one, condition([{ request: {}, error: ['forbidden'] }]))
  assert.notEqual(one, condition([{ error: ['unauthorized'] }]))
})

test('equal handlers share one function, regardless of the order of their keys', () => {
  const builder = createTestBuilder({
    authenticator: { anonymous: undefined },
    mutator: { header: undefined },
  })
  const run = (headers: object) => builder.mutator({ handler: 'header', config: { headers } }).stage.run
  assert.equal(run({ a: '1', b: '2' }), run({ b: '2', a: '1' }))
  assert.notEqual(run({ a: '1' }), run({ a: '2' }))
})

const LOGIN = { handler: 'redirect', config: { to: '/login', when: [{ error: ['forbidden'] }] } }
test('a misconfigured error handler invalidates the rule, unless it is only disabled', () => {
  const builder = createTestBuilder({ error: { json: undefined, redirect: undefined } })
  const invalidates = (ref: { handler: string; config?: unknown }) => {
    const built = builder.responder(ref)
    return [built.misconfiguration !== undefined, built.invalidatesRule]
  }
  const { when } = LOGIN.config
  assert.deepEqual(invalidates(LOGIN), [false, false])
  assert.deepEqual(invalidates({ handler: 'www_authenticate', config: { when } }), [true, false])
  assert.deepEqual(invalidates({ handler: 'redirrect', config: { when } }), [true, true])
  assert.deepEqual(invalidates({ handler: 'redirect', config: { when } }), [true, true])
  assert.deepEqual(invalidates({ handler: 'json', config: { when: [{ errors: [] }] } }), [true, true])
})

test('the condition of an error handler comes from the merged config', () => {
  const global = { to: '/', when: [{ error: ['unauthorized'] }] }
  const builder = createTestBuilder({ error: { redirect: global } }, ['redirect'])
  const fits = (config?: object) =>
    builder.responder({ handler: 'redirect', config }).when(unauthorized('no_credential'), requestWith())
  assert.ok(fits())
  assert.ok(!fits({ when: [{ error: ['forbidden'] }] }))
  assert.ok(fits({ when: [] }))
  assert.ok(builder.fallback[0]?.when(unauthorized('no_credential'), requestWith()))
})
