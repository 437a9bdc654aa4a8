/** Responses of whoami to all kinds of credentials, and how Credence reads them, with a real Kratos or the stand-in. */
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

let server: KratosUnderTest
let kratos: Kratos
let old: boolean
const users: Record<'A' | 'B', User> = {} as never
/** A cookie and a token of A and of B, and one of each of A whose session has ended. */
const has: Record<string, string> = {}

before(async () => {
  server = await startKratosUnderTest()
  kratos = server.kratos
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
  await server.close()
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

/** Replaces placeholders such as `{cookie A}` by credentials of the running Kratos. */
const filled = (text: string): string =>
  text.replace(/\{(.*?)\}/g, (_whole, name: string) => has[name] as string)
const headersOf = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, filled(value)]))

/** The owner of the returned session, or the status. */
function seen(page: Page): string {
  if (page.status !== 200) return String(page.status)
  const { identity } = page.json<{ identity: { id: string } }>()
  return identity.id === users.A.id ? 'A' : identity.id === users.B.id ? 'B' : 'another user'
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
  ['an invalid cookie', { cookie: `${NAME}=garbage` }, '401'],
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
    'an invalid cookie, then a valid one: the first valid one counts',
    { cookie: `${NAME}=garbage; ${COOKIE}` },
    'A',
  ],
  ['a valid cookie, then an invalid one', { cookie: `${COOKIE}; ${NAME}=garbage` }, 'A'],
  ['two valid cookies: the first', { cookie: `${NAME}={cookie B}; ${COOKIE}` }, 'B'],
  [
    'an ended one, then a valid one: the first counts',
    { cookie: `${NAME}={cookie ended}; ${COOKIE}` },
    '401',
  ],
  [
    'a token of A and a cookie of B: the token',
    { 'x-session-token': '{token A}', cookie: `${NAME}={cookie B}` },
    'A',
  ],
  ['an unknown token and a valid cookie: 401', { 'x-session-token': UNKNOWN, cookie: COOKIE }, '401'],
  ['an empty token and a valid cookie', { 'x-session-token': '', cookie: COOKIE }, 'A'],
  [
    'Bearer of A and a cookie of B: the cookie',
    { authorization: 'Bearer {token A}', cookie: `${NAME}={cookie B}` },
    'B',
  ],
  [
    'a valid bearer token and an ended cookie: 401',
    { authorization: 'Bearer {token A}', cookie: `${NAME}={cookie ended}` },
    '401',
  ],
  [
    'a valid token and an invalid cookie (J12)',
    { 'x-session-token': '{token A}', cookie: `${NAME}=garbage` },
    '500',
  ],
  [
    'a valid bearer token and an invalid cookie (J12)',
    { authorization: 'Bearer {token A}', cookie: `${NAME}=garbage` },
    '500',
  ],
] as const satisfies readonly (readonly [string, Record<string, string>, string])[]) {
  test(`Kratos answers ${what} with ${expected}`, async () => {
    const page = await whoami(headersOf(headers))
    assert.equal(seen(page), expected)
    if (expected === '401') {
      assert.ok(!page.body.includes('"id"'), 'a 401 has no error id')
      assert.deepEqual(page.setCookies, [])
    }
  })
}

test('padding as %3D or removed invalidates the cookie, so Credence never changes a value', async () => {
  const value = has['cookie A'] as string
  assert.match(value, /=$/)
  assert.equal(seen(await whoami({ cookie: `${NAME}=${value.replace(/=+$/, '%3D')}` })), '401')
  assert.equal(seen(await whoami({ cookie: `${NAME}=${value.replace(/=+$/, '')}` })), '401')
})

test('a changed character of the signature invalidates the cookie', async () => {
  const value = has['cookie A'] as string
  const at = value.length - 10
  const other = value[at] === 'A' ? 'B' : 'A'
  assert.equal(
    seen(await whoami({ cookie: `${NAME}=${value.slice(0, at)}${other}${value.slice(at + 1)}` })),
    '401',
  )
})

describe('responses', () => {
  test('a 200 has the identity in a header and is not cacheable by HTTP', async () => {
    const { headers } = await whoami(headersOf({ cookie: COOKIE }))
    assert.equal(headers.get('x-kratos-authenticated-identity-id'), users.A.id)
    assert.equal(headers.get('cache-control'), 'private, no-cache, no-store, must-revalidate')
    assert.equal(headers.get('vary'), 'Cookie')
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8')
    assert.equal(headers.get('ory-session-cache-for'), undefined)
  })

  test('the 500 for an invalid cookie has that header, too, so it must never be read without the status', async () => {
    const both = headersOf({ 'x-session-token': '{token A}', cookie: `${NAME}=garbage` })
    assert.equal((await whoami(both)).headers.get('x-kratos-authenticated-identity-id'), users.A.id)
  })

  test('a 401 is the same for all reasons and has the request id', async () => {
    const bodies = await Promise.all(
      [{}, { cookie: `${NAME}=garbage` }, { 'x-session-token': UNKNOWN }].map(
        async h => (await whoami(h as never)).body,
      ),
    )
    assert.equal(new Set(bodies).size, 1)
    const page = await whoami({ 'x-request-id': 'r1' })
    assert.equal(page.json<{ error: { request: string } }>().error.request, 'r1')
  })

  test('with a 401 v26.2.0 sends an empty Ory-Error-Id, v1.3.1 none', async () => {
    assert.equal((await whoami({})).headers.get('ory-error-id'), old ? undefined : '')
  })

  test('a final slash gets 404 in v26.2.0 and 301 in v1.3.1, a double slash 307 and 200, so Credence never changes the URL', async () => {
    const cookie = headersOf({ cookie: COOKIE })
    const slash = await whoami(cookie, '/sessions/whoami/')
    assert.equal(slash.status, old ? 301 : 404)
    assert.match(slash.setCookies[0] ?? '', /^csrf_token_/)
    assert.equal((await whoami(cookie, '//sessions/whoami')).status, old ? 200 : 307)
    const admin = await sendRequest(`${kratos.adminUrl}/sessions/whoami`, { method: 'GET', headers: cookie })
    assert.equal(admin.status, 307)
  })

  test('an unknown tokenizer template gets 400', async () => {
    assert.equal((await whoami(headersOf({ cookie: COOKIE }), '/sessions/whoami?tokenize_as=x')).status, 400)
  })

  for (const method of ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    test(`${method} returns the session without changing it`, async () => {
      assert.equal((await whoami(headersOf({ cookie: COOKIE }), undefined, method)).status, 200)
      assert.equal(seen(await whoami(headersOf({ cookie: COOKIE }))), 'A')
    })
  }
})

const http = createHttpClient({ clock: realClock })
const ask = createWhoami({ send: http.send, timeout: millis(5_000) })

describe('reading the response', () => {
  const finding = async (kind: 'cookie' | 'token', value: string, path = '/sessions/whoami') => {
    const credential = { kind, name: kind === 'cookie' ? NAME : '', value: filled(value) }
    const answer = await ask({ url: `${kratos.publicUrl}${path}`, headers: [], credential })
    return readWhoamiResponse(answer, credential.name, realClock.wall())
  }

  for (const [kind, value] of [
    ['cookie', '{cookie A}'],
    ['token', '{token A}'],
  ] as const) {
    test(`a ${kind} gives a verified session with all that rules need`, async () => {
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
    test(`a URL that is not whoami (${path}) is unavailable, neither verified nor rejected`, async () => {
      assert.equal((await finding('cookie', '{cookie A}', path)).kind, 'unavailable')
    })
  }
})
