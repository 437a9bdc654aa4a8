/** S2-10: what a rule writes for the upstream cannot be brought along through a rule that does not write it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Allow } from '../../src/access/decision.ts'
import { compileForeignCookies, withoutForeignCookies } from '../../src/access/identity_cookies.ts'
import type { Session } from '../../src/access/session.ts'
import { eraseConfigType } from '../../src/handlers/handler.ts'
import { cookie } from '../../src/handlers/mutators/cookie.ts'
import { header } from '../../src/handlers/mutators/header.ts'
import { hydrator } from '../../src/handlers/mutators/hydrator.ts'
import { sessionOf } from '../handlers/build.ts'
import { buildHandler, createHandlerHarness } from '../support/handler_harness.ts'
import { answered } from '../support/kratos.ts'
import { requestWith } from '../support/request.ts'

const FOREIGN = compileForeignCookies(['user', 'user_id']) as NonNullable<
  ReturnType<typeof compileForeignCookies>
>
const allowWith = (headers: Allow['headers'] = []): Allow => ({
  kind: 'allow',
  headers,
  remove: [],
  responseHeaders: [],
  metadata: {
    rule: 'r',
    authenticator: 'a',
    refusedBy: '',
    code: 'ok',
    reason: '',
    errorHandler: '',
    revision: '',
    subject: '',
    annotations: {},
  },
})

/** The Cookie header that the upstream gets: `unchanged`, `removed`, or its text. */
function cookieOf(sent: string, written?: string, foreign = FOREIGN): string {
  const allow = allowWith(written === undefined ? [] : [{ name: 'cookie', value: written }])
  const result = withoutForeignCookies(allow, requestWith([['Cookie', sent]]), foreign)
  if (result.remove.includes('cookie')) return 'removed'
  return result.headers.find(({ name }) => name === 'cookie')?.value ?? 'unchanged'
}

for (const [sent, expected] of [
  ['user=admin', 'removed'],
  ['a=1; user=admin; b="2 3"', 'a=1; b="2 3"'],
  ['a=1; USER=admin', 'a=1'],
  ['a=1; us%65r=admin', 'a=1'],
  ['a=1; user.id=admin', 'a=1'],
  ['a=1; user%5Fid=admin', 'a=1'],
  ['a=1; user[x]=admin', 'a=1'],
  ['a=1; user=ad"min', 'a=1'],
  ['a=1; user', 'a=1'],
  ['a=1; b=2', 'unchanged'],
  ['username=x; a=1', 'username=x; a=1'],
  ['a=user', 'a=user'],
] as const) {
  test(`S2-10 a cookie that another rule writes is removed from: ${sent}`, () => {
    assert.equal(cookieOf(sent), expected)
  })
}

for (const name of ['user id', 'user[id', 'user%20id', 'user%5Bid', 'user%5bid', 'user+id']) {
  test(`S2-10 PHP reads the cookie ${name} as user_id, so it is removed`, () => {
    const foreign = compileForeignCookies(['user_id']) as typeof FOREIGN
    assert.equal(cookieOf(`a=1; ${name}=admin`, undefined, foreign), 'a=1')
  })
}

test('S2-10 the Cookie header that the rule itself writes is filtered as well', () => {
  assert.equal(cookieOf('user=admin', 'mine=1; user=admin'), 'mine=1')
  assert.equal(cookieOf('user=admin', 'mine=1'), 'mine=1')
  assert.equal(cookieOf('user=admin', 'user=admin'), 'removed')
})

const OWN = compileForeignCookies(['user_id', 'plan'], new Set(['user_id'])) as typeof FOREIGN

test('S2-11 other spellings of a cookie that the rule itself writes are removed', () => {
  assert.equal(cookieOf('', 'user_id=1; user.id=admin; USER_ID=admin; a=1', OWN), 'user_id=1; a=1')
  assert.equal(cookieOf('', 'user_id=1; user%5fid=admin; user_id[a]=2', OWN), 'user_id=1')
  assert.equal(cookieOf('', 'user_id=1; a=1', OWN), 'user_id=1; a=1')
})

test('S2-11 a cookie of the rule itself is removed if the rule did not write it after all', () => {
  assert.equal(cookieOf('user_id=admin; a=1', undefined, OWN), 'a=1')
})

test('S2-10 names come from cookie mutators, and from templates of a Cookie header', () => {
  const names = (handler: Parameters<typeof eraseConfigType>[0], config: object) =>
    eraseConfigType(handler).setsCookies(config)
  const cookies = { user: '{{ print .Subject }}', plan: 'x' }
  assert.deepEqual(names(cookie as never, { cookies }), ['user', 'plan'])
  assert.deepEqual(names(cookie as never, { cookies, unknown: 1 }), ['user', 'plan'])
  assert.deepEqual(names(cookie as never, { cookies, from_clients: true }), [])
  const headers = { Cookie: 'a={{ print .Subject }}; b=2', 'X-A': 'c=3' }
  assert.deepEqual(names(header as never, { headers }), ['a', 'b'])
})

async function hydratedHeaders(config: object, session: Session): Promise<readonly string[]> {
  const body = { subject: 'u1', header: { 'X-Role': ['admin'], 'X-Earlier': ['1'], Authorization: ['x'] } }
  const harness = createHandlerHarness({ answer: answered(200, body) })
  const services = { ...harness.services, getCache: () => ({}) as never, cacheKey: () => '' as never }
  const run = buildHandler(hydrator, { api: { url: 'http://a/' }, ...config }, { ...harness, services })
  const outcome = await run(session)
  return outcome.kind === 'session' ? outcome.headers.map(({ name }) => name) : [outcome.code]
}

test('S2-10 a hydrator sets the headers that it lists, and keeps those of earlier mutators', async () => {
  const session = {
    ...sessionOf('u1', {}, requestWith([])),
    headers: [{ name: 'x-earlier', value: '0' }],
  } as Session
  assert.deepEqual(await hydratedHeaders({}, session), ['x-earlier'])
  assert.deepEqual(await hydratedHeaders({ headers: ['X-ROLE'] }, session), ['x-role', 'x-earlier'])
  assert.deepEqual(await hydratedHeaders({ any_header: true }, session), [
    'x-role',
    'x-earlier',
    'authorization',
  ])
})

test('S2-10 a hydrator without headers is warned about', () => {
  const warningsOf = (config: object) => {
    const harness = createHandlerHarness()
    const services = { ...harness.services, getCache: () => ({}) as never }
    buildHandler(hydrator, { api: { url: 'http://a/' }, ...config }, { ...harness, services })
    return harness.warnings
  }
  assert.match(warningsOf({}).join(), /^headers: is not set: headers of the responses are dropped/)
  assert.match(warningsOf({ any_header: true }).join(), /^headers: is not set: clients can send/)
  assert.deepEqual(warningsOf({ headers: [] }), [])
})
