/** test/kratos/whoami — what whoami makes of credentials (kratos 1.2, 1.3), and what we make of whoami: against a real Kratos or the stand-in, which answers as v26.2.0. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createBrowser, logIn, nativeLogin, type Page, sendRequest } from '../../../demo/browser.ts'
import type { Kratos, User } from '../../../demo/kratos.ts'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import { createWhoami } from '../../../src/clients/kratos.ts'
import { millis } from '../../../src/lib/time.ts'
import { readWhoamiResponse } from '../../../src/sessions/kratos/whoami_response.ts'
import { realClock } from '../../support/clock.ts'
import { type KratosUnderTest, kratosVersion, startKratosUnderTest } from './kratos_server.ts'

let world: KratosUnderTest
let kratos: Kratos
let old: boolean
const users: Record<'A' | 'B', User> = {} as never
/** Of A and B: a cookie, a token, and of A one of each whose session has ended. */
const has: Record<string, string> = {}

before(async () => {
  world = await startKratosUnderTest()
  kratos = world.kratos
  old = (await kratosVersion(kratos)) === 'v1.3.1'
  for (const name of ['A', 'B'] as const) {
    users[name] = await kratos.createUser()
    has[`cookie ${name}`] = await cookieOf(users[name])
    has[`token ${name}`] = await nativeLogin(kratos, users[name])
  }
  has['cookie ended'] = await cookieOf(users.A)
  has['token ended'] = await nativeLogin(kratos, users.A)
  for (const headers of [
    { cookie: `${NAME}=${has['cookie ended']}` },
    { 'x-session-token': has['token ended'] },
  ]) {
    const { id } = (await whoami(headers as Record<string, string>)).json<{ id: string }>()
    await kratos.identities.disableSession({ id })
  }
})
after(async () => {
  await http.close()
  await world.close()
})

const NAME = 'ory_kratos_session'
const UNKNOWN = `ory_st_${'q'.repeat(32)}`

async function cookieOf(user: User): Promise<string> {
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  return browser.cookie(NAME) as string
}

const whoami = (headers: Readonly<Record<string, string>>, path = '/sessions/whoami', method = 'GET') =>
  sendRequest(`${kratos.publicUrl}${path}`, { method, headers })

/** `{cookie A}` and the like stand for what only a running Kratos can make. */
const filled = (text: string): string =>
  text.replace(/\{(.*?)\}/g, (_whole, name: string) => has[name] as string)
const headersOf = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, filled(value)]))

/** Whose session it is, or the status. */
function seen(page: Page): string {
  if (page.status !== 200) return String(page.status)
  const { identity } = page.json<{ identity: { id: string } }>()
  return identity.id === users.A.id ? 'A' : identity.id === users.B.id ? 'B' : 'somebody else'
}

const COOKIE = `${NAME}={cookie A}`
for (const [what, headers, expected] of [
  ['a cookie', { cookie: COOKIE }, 'A'],
  ['a session token in its header', { 'x-session-token': '{token A}' }, 'A'],
  ['a session token as Bearer', { authorization: 'Bearer {token A}' }, 'A'],
  ['a scheme in lower case', { authorization: 'bearer {token A}' }, 'A'],
  ['two blanks after Bearer', { authorization: 'Bearer  {token A}' }, '401'],
  ['nothing', {}, '401'],
  ['an empty cookie', { cookie: `${NAME}=` }, '401'],
  ['a cookie that does not decode', { cookie: `${NAME}=garbage` }, '401'],
  ['a cookie of an ended session', { cookie: `${NAME}={cookie ended}` }, '401'],
  ['a cookie under another name', { cookie: 'ory_kratos_sessio={cookie A}' }, '401'],
  ['a cookie under its name in upper case', { cookie: `${NAME.toUpperCase()}={cookie A}` }, '401'],
  ['a cookie in double quotes', { cookie: `${NAME}="{cookie A}"` }, 'A'],
  ['a cookie joined to another by a comma (J11)', { cookie: `a=1,${COOKIE}` }, '401'],
  ['an unknown token', { 'x-session-token': UNKNOWN }, '401'],
  ['an empty token', { 'x-session-token': '' }, '401'],
  ['a token of an ended session', { 'x-session-token': '{token ended}' }, '401'],
  ['an unknown token as Bearer', { authorization: `Bearer ${UNKNOWN}` }, '401'],
  ['a JWT as Bearer', { authorization: 'Bearer eyJhbGciOi.eyJzdWIi.c2ln' }, '401'],
  [
    'garbage, then a good cookie: the first that decodes counts',
    { cookie: `${NAME}=garbage; ${COOKIE}` },
    'A',
  ],
  ['a good cookie, then garbage', { cookie: `${COOKIE}; ${NAME}=garbage` }, 'A'],
  ['two good cookies: the first', { cookie: `${NAME}={cookie B}; ${COOKIE}` }, 'B'],
  [
    'an ended one, then a good one: the search is over',
    { cookie: `${NAME}={cookie ended}; ${COOKIE}` },
    '401',
  ],
  [
    'a token of A and a cookie of B: the token',
    { 'x-session-token': '{token A}', cookie: `${NAME}={cookie B}` },
    'A',
  ],
  ['an unknown token and a good cookie: no', { 'x-session-token': UNKNOWN, cookie: COOKIE }, '401'],
  ['an empty token and a good cookie', { 'x-session-token': '', cookie: COOKIE }, 'A'],
  [
    'Bearer of A and a cookie of B: the cookie',
    { authorization: 'Bearer {token A}', cookie: `${NAME}={cookie B}` },
    'B',
  ],
  [
    'a good Bearer and an ended cookie: no',
    { authorization: 'Bearer {token A}', cookie: `${NAME}={cookie ended}` },
    '401',
  ],
  [
    'a good token and a broken cookie (J12)',
    { 'x-session-token': '{token A}', cookie: `${NAME}=garbage` },
    '500',
  ],
  [
    'a good Bearer and a broken cookie (J12)',
    { authorization: 'Bearer {token A}', cookie: `${NAME}=garbage` },
    '500',
  ],
] as const satisfies readonly (readonly [string, Record<string, string>, string])[]) {
  test(`Kratos says ${expected} to ${what}`, async () => {
    const page = await whoami(headersOf(headers))
    assert.equal(seen(page), expected)
    if (expected === '401') {
      assert.ok(!page.body.includes('"id"'), 'a 401 has no error id')
      assert.deepEqual(page.setCookies, [])
    }
  })
}

test('padding written as %3D or cut off is no session, so we never touch a value', async () => {
  const value = has['cookie A'] as string
  assert.match(value, /=$/)
  assert.equal(seen(await whoami({ cookie: `${NAME}=${value.replace(/=+$/, '%3D')}` })), '401')
  assert.equal(seen(await whoami({ cookie: `${NAME}=${value.replace(/=+$/, '')}` })), '401')
})

test('a changed character of the seal is no session', async () => {
  const value = has['cookie A'] as string
  const at = value.length - 10
  const other = value[at] === 'A' ? 'B' : 'A'
  assert.equal(
    seen(await whoami({ cookie: `${NAME}=${value.slice(0, at)}${other}${value.slice(at + 1)}` })),
    '401',
  )
})

describe('the form of an answer', () => {
  test('a 200 names the identity in a header, and is not to be kept by HTTP caches', async () => {
    const { headers } = await whoami(headersOf({ cookie: COOKIE }))
    assert.equal(headers.get('x-kratos-authenticated-identity-id'), users.A.id)
    assert.equal(headers.get('cache-control'), 'private, no-cache, no-store, must-revalidate')
    assert.equal(headers.get('vary'), 'Cookie')
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8')
    assert.equal(headers.get('ory-session-cache-for'), undefined)
  })

  test('the 500 of a broken cookie names the identity all the same: never read that header without the status', async () => {
    const both = headersOf({ 'x-session-token': '{token A}', cookie: `${NAME}=garbage` })
    assert.equal((await whoami(both)).headers.get('x-kratos-authenticated-identity-id'), users.A.id)
  })

  test('a 401 is the same for everybody, and tells the request id', async () => {
    const bodies = await Promise.all(
      [{}, { cookie: `${NAME}=garbage` }, { 'x-session-token': UNKNOWN }].map(
        async h => (await whoami(h as never)).body,
      ),
    )
    assert.equal(new Set(bodies).size, 1)
    const page = await whoami({ 'x-request-id': 'r1' })
    assert.equal(page.json<{ error: { request: string } }>().error.request, 'r1')
  })

  test('v26.2.0 sends an empty Ory-Error-Id with a 401, v1.3.1 none', async () => {
    assert.equal((await whoami({})).headers.get('ory-error-id'), old ? undefined : '')
  })

  test('a final slash is 404 in v26.2.0 and 301 in v1.3.1, with a cookie; a double slash 307 and 200: the URL is asked as it stands', async () => {
    const cookie = headersOf({ cookie: COOKIE })
    const slash = await whoami(cookie, '/sessions/whoami/')
    assert.equal(slash.status, old ? 301 : 404)
    assert.match(slash.setCookies[0] ?? '', /^csrf_token_/)
    assert.equal((await whoami(cookie, '//sessions/whoami')).status, old ? 200 : 307)
    const admin = await sendRequest(`${kratos.adminUrl}/sessions/whoami`, { method: 'GET', headers: cookie })
    assert.equal(admin.status, 307)
  })

  test('an unknown tokenizer template is 400', async () => {
    assert.equal((await whoami(headersOf({ cookie: COOKIE }), '/sessions/whoami?tokenize_as=x')).status, 400)
  })

  for (const method of ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    test(`${method} shows the session, and does nothing to it`, async () => {
      assert.equal((await whoami(headersOf({ cookie: COOKIE }), undefined, method)).status, 200)
      assert.equal(seen(await whoami(headersOf({ cookie: COOKIE }))), 'A')
    })
  }
})

const http = createHttpClient({ clock: realClock })
const ask = createWhoami({ send: http.send, timeout: millis(5_000) })

describe('what we make of it', () => {
  const finding = async (kind: 'cookie' | 'token', value: string, path = '/sessions/whoami') => {
    const credential = { kind, name: kind === 'cookie' ? NAME : '', value: filled(value) }
    const answer = await ask({ url: `${kratos.publicUrl}${path}`, headers: [], credential })
    return readWhoamiResponse(answer, credential.name, realClock.wall())
  }

  for (const [kind, value] of [
    ['cookie', '{cookie A}'],
    ['token', '{token A}'],
  ] as const) {
    test(`a ${kind} is a verified session with all that rules look at`, async () => {
      const found = await finding(kind, value)
      assert.ok(found.kind === 'verified')
      const { session } = found
      assert.equal(session.identityId, users.A.id)
      assert.equal(session.aal, 'aal1')
      assert.ok(Math.abs(realClock.wall() - session.authenticatedAt) < 120_000)
      assert.ok(session.expiresAt > realClock.wall() + 3_000_000)
      assert.deepEqual([found.responseHeaders, found.cacheFor], [[], []])
    })
  }

  for (const [kind, value] of [
    ['cookie', 'garbage'],
    ['cookie', '{cookie ended}'],
    ['token', UNKNOWN],
    ['token', '{token ended}'],
  ] as const) {
    test(`the ${kind} ${value} is rejected`, async () => {
      assert.equal((await finding(kind, value)).kind, 'rejected')
    })
  }

  for (const path of ['/sessions/whoami/', '/sessions/whoami?tokenize_as=x', '/nowhere']) {
    test(`a URL that is not whoami (${path}) could not be found out, which is neither yes nor no`, async () => {
      assert.equal((await finding('cookie', '{cookie A}', path)).kind, 'unavailable')
    })
  }
})
