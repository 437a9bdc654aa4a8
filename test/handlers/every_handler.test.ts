import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import type { Denial } from '../../src/access/denial.ts'
import { unauthorized } from '../../src/access/denial.ts'
import type { Authenticate, Respond, Step } from '../../src/access/pipeline.ts'
import { createSession, identity, type Session } from '../../src/access/session.ts'
import { loadConfig } from '../../src/app/config.ts'
import { createServices } from '../../src/app/services.ts'
import type { HttpFailure, HttpResponse } from '../../src/clients/http/message.ts'
import type { AnyHandler } from '../../src/handlers/handler.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { fakeClock } from '../support/clock.ts'
import { testPages } from '../support/handler_harness.ts'
import { requestWith } from '../support/request.ts'

/** Requirements that every handler must meet. */
const context = { strategy: 'regexp', pages: testPages(), warn: () => {} } as const
const { config } = loadConfig({ files: [], env: {}, flags: new Map() }, HANDLERS)
assert.ok(config !== undefined)
const closedSend = async () => ({ kind: 'failed', cause: 'closed', message: '' }) as const
const { services } = createServices({
  config,
  send: closedSend,
  fetch: closedSend,
  clock: fakeClock(),
  onKeyProblem: () => {},
})
const propertiesOf = ({ schema }: AnyHandler) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).properties ?? {}
const keysOf = (handler: AnyHandler) => (handler.ignoresConfig ? [] : Object.keys(propertiesOf(handler)))
const nameOf = (handler: AnyHandler) => `${handler.kind} ${handler.id}`

test('the registry contains each of Oathkeeper’s handlers once', () => {
  const names = HANDLERS.map(nameOf)
  assert.equal(new Set(names).size, 21)
  assert.equal(names.length, 21)
})

for (const handler of HANDLERS) {
  test(`${nameOf(handler)} builds from its documented example`, () => {
    const { run } = handler.build(handler.example, services, context)
    assert.equal(typeof run, 'function')
  })

  test(`${nameOf(handler)} rejects an unknown key, unless it ignores its config`, () => {
    const config = { ...handler.example, nobody_knows_this: 1 }
    const build = () => handler.build(config, services, context)
    if (handler.ignoresConfig) build()
    else assert.throws(build, /nobody_knows_this/)
  })

  test(`${nameOf(handler)} rejects a list instead of a map`, () => {
    if (handler.ignoresConfig) return
    assert.throws(() => handler.build([], services, context))
  })

  test(`${nameOf(handler)} rejects null for a key, except for token_from`, () => {
    for (const key of keysOf(handler)) {
      const build = () => handler.build({ ...handler.example, [key]: null }, services, context)
      if (key === 'token_from') build()
      else assert.throws(build, new RegExp(key), key)
    }
  })

  test(`${nameOf(handler)} has a summary and a description of each key`, () => {
    assert.match(handler.summary, /^[a-z]+s? /)
    for (const [key, schema] of Object.entries(propertiesOf(handler))) {
      assert.ok(typeof schema === 'object' && schema.description, `${key} has no description`)
    }
  })
}

/** Responses of a service: successful, denying, broken, failed. */
const ANSWERS: readonly (HttpResponse | HttpFailure)[] = [
  ...[200, 201, 302, 400, 401, 403, 404, 429, 500, 503].flatMap(status =>
    [
      '{"subject":"sam","sub":"sam","active":true,"allowed":true,"access_token":"SECRET-answer"}',
      '{"active":false,"subject":["SECRET-answer"],"error":"SECRET-answer","identity":{"id":"SECRET-answer"}}',
      '<SECRET-answer>',
      '',
    ].map(
      (body): HttpResponse => ({
        kind: 'answered',
        status,
        headers: [
          ['location', 'http://SECRET-answer/'],
          ['x-role', 'staff'],
        ],
        body,
      }),
    ),
  ),
  { kind: 'failed', cause: 'connect', message: 'service: no connection' },
]

/** Configurations with a secret in every place that may hold one. */
const CONFIDENTIAL: Readonly<Record<string, object>> = {
  'authenticator cookie_session': { additional_headers: { 'X-Key': 'SECRET-config' }, kratos: false },
  'authenticator bearer_token': {
    check_session_url: 'http://u:SECRET-config@sessions/?key=SECRET-config',
    prefix: '',
  },
  'authenticator jwt': { jwks_urls: ['http://u:SECRET-config@keys/?key=SECRET-config'] },
  'authenticator oauth2_client_credentials': {
    token_url: 'http://u:SECRET-config@id/token?key=SECRET-config',
  },
  'authenticator oauth2_introspection': {
    introspection_url: 'http://u:SECRET-config@id/introspect?key=SECRET-config',
    introspection_request_headers: { Authorization: 'SECRET-config' },
    pre_authorization: {
      enabled: true,
      client_id: 'c',
      client_secret: 'SECRET-config',
      token_url: 'http://id/token?key=SECRET-config',
    },
  },
  'authorizer remote': {
    remote: 'http://u:SECRET-config@policies/?key=SECRET-config',
    headers: { 'X-Key': 'SECRET-config', 'X-Bad': '{{ mustToDate "2006" .Subject }}' },
  },
  'authorizer remote_json': { payload: '{"key": "SECRET-config", "of": {{ .Subject }}}' },
  'mutator header': { headers: { 'X-Key': 'SECRET-config{{ .Extra.none.none }}' } },
  'mutator cookie': { cookies: { key: 'SECRET-config{{ mustRegexMatch .Subject "a" }}' } },
  'mutator hydrator': {
    api: {
      url: 'http://u:SECRET-config@profiles/?key=SECRET-config',
      auth: { basic: { username: 'u', password: 'SECRET-config' } },
      retry: { max_delay: '0s' },
    },
  },
  'mutator id_token': {
    jwks_url: `inline://${Buffer.from('{"keys":[{"kty":"oct","k":"SECRET-config","kid":"a","alg":"HS256"}]}').toString('base64')}`,
  },
}

const SECRET = '(SECRET-request'
const basic = `Basic ${Buffer.from(`${SECRET}:${SECRET}`).toString('base64')}`
const encodePart = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const TOKEN = `${encodePart({ alg: 'RS256', kid: SECRET })}.${encodePart({ sub: SECRET })}.AAAA`
const REQUESTS = [`Bearer ${SECRET}`, `Bearer ory_st_${SECRET}.a.b`, `Bearer ${TOKEN}`, basic].map(value =>
  requestWith(
    [
      ['Authorization', value],
      ['Cookie', `ory_kratos_session=${SECRET}; other=${SECRET}`],
      ['X-Session-Token', SECRET],
    ],
    { query: `token=${SECRET}` },
  ),
)
const ENCODED = [
  'SECRET',
  ...TOKEN.split('.', 2),
  ...['SECRET-config', SECRET, `${SECRET}:${SECRET}`].flatMap(encodings),
]
function encodings(text: string): string[] {
  const bytes = Buffer.from(text)
  return [bytes.toString('base64'), bytes.toString('base64url'), encodeURIComponent(text)]
}

/** A deeply frozen session. */
function sessionOf(request: Session['request']): Session {
  const session = createSession(identity(SECRET, { email: SECRET, list: [SECRET] }), request, [SECRET])
  for (const part of [session, session.extra, session.match, session.match.captures, session.match.url])
    Object.freeze(part)
  Object.freeze(session.extra?.list)
  return session
}

/** Shared by all tests, because creating the caches takes longer than everything else here. */
let answer: HttpResponse | HttpFailure = { kind: 'failed', cause: 'closed', message: '' }
const clock = fakeClock()
const problems: unknown[] = []
const send = async () => answer
const { services: answering } = createServices({
  config,
  send,
  fetch: send,
  clock,
  onKeyProblem: problem => problems.push(problem),
})

async function outcomes(handler: AnyHandler, more: object): Promise<{ denials: Denial[]; said: unknown[] }> {
  const denials: Denial[] = []
  const said: unknown[] = []
  const warn = (...words: unknown[]) => said.push(words)
  const { run } = handler.build({ ...handler.example, ...more }, answering, { ...context, warn })
  for (const next of ANSWERS) {
    answer = next
    // Let all cached entries expire.
    clock.advance(7_200_000)
    for (const request of REQUESTS) {
      const step =
        handler.kind === 'authenticator' ? (run as Authenticate)(request) : (run as Step)(sessionOf(request))
      const outcome = await step
      if (outcome.kind === 'denial') denials.push(outcome)
    }
  }
  return { denials, said: [...said, ...problems.splice(0)] }
}

const visibleText = (value: unknown): string =>
  JSON.stringify(value, (_key, member) =>
    member instanceof Error
      ? { name: member.name, frames: member.stack?.split('\n    at ').slice(1) }
      : member,
  )

/** Handlers that make no call and deny no request. */
const HARMLESS = /anonymous|noop|allow/
for (const handler of HANDLERS) {
  if (handler.kind === 'error') continue
  test(`${nameOf(handler)} does not change its session, and reveals no secret of request, response or configuration`, async () => {
    for (const more of [{}, CONFIDENTIAL[nameOf(handler)] ?? {}]) {
      const { denials, said } = await outcomes(handler, more)
      for (const text of [...denials, ...said].map(visibleText)) {
        for (const secret of ENCODED) assert.ok(!text.includes(secret), text)
      }
      const hasSaidSomething = denials.length > 0 || Object.keys(more).length === 0
      assert.ok(hasSaidSomething || HARMLESS.test(handler.id))
    }
  })
}

for (const handler of HANDLERS.filter(({ kind }) => kind === 'error')) {
  test(`${nameOf(handler)} reveals nothing of the request except its URL and its id`, () => {
    const { run } = handler.build(handler.example, services, context)
    for (const request of REQUESTS) {
      const denial = unauthorized('credential_rejected', { reason: 'no', cause: new Error(SECRET) })
      const answer = (run as Respond)(denial, { ...request, query: '', requestId: 'id' })
      assert.ok(!JSON.stringify(answer).includes('SECRET'))
      assert.ok(answer.status >= 300 && answer.status < 600)
    }
  })
}
