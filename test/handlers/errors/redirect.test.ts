import assert from 'node:assert/strict'
import test from 'node:test'
import { type Denial, forbidden, unauthorized, unavailable } from '../../../src/access/denial.ts'
import type { RequestView } from '../../../src/access/request.ts'
import { redirect } from '../../../src/handlers/errors/redirect.ts'
import { buildHandler as buildIn, createHandlerHarness } from '../../support/handler_harness.ts'
import { requestWith } from '../../support/request.ts'
import { compileHandler } from '../build.ts'

type Headers = Parameters<typeof requestWith>[0]

const respond = (config: object, parts: Partial<RequestView> = {}, denial = unauthorized('no_credential')) =>
  compileHandler(redirect, config)(denial, { ...requestWith(), ...parts })
const locationOf = (config: object, parts?: Partial<RequestView>, denial?: ReturnType<typeof unauthorized>) =>
  respond(config, parts, denial).headers.find(header => header.name === 'location')?.value

test('redirects to the configured target, by default with 302', () => {
  assert.equal(respond({ to: 'https://login/' }).status, 302)
  assert.equal(respond({ to: 'https://login/', code: 301 }).status, 301)
  assert.equal(locationOf({ to: 'https://login/?a=1' }), 'https://login/?a=1')
})

test('escapes characters of `to` that are not allowed in a header, and rejects control characters', () => {
  assert.equal(
    locationOf({ to: 'https://login/für mich?ö#ß' }),
    'https://login/f%C3%BCr%20mich?%C3%B6#%C3%9F',
  )
  assert.equal(
    locationOf({ to: '/größe?ö=ä b', return_to_query_param: 'r' }, { authority: 'h', rawPath: '/' }),
    '/gr%C3%B6%C3%9Fe?r=https%3A%2F%2Fh%2F&%C3%B6=%C3%A4+b',
  )
  assert.throws(() => compileHandler(redirect, { to: 'https://login/\tx' }), { path: ['to'] })
})

test('return_to is the whole URL of the request, added to the query of `to` (Q-37, Q-38)', () => {
  const parts = { scheme: 'https', authority: 'App:8443', rawPath: '/a%20b/', query: 'x=1&y=%2F' }
  assert.equal(
    locationOf({ to: 'https://login/x?foo=bar', return_to_query_param: 'return_to' }, parts),
    'https://login/x?foo=bar&return_to=https%3A%2F%2FApp%3A8443%2Fa%2520b%2F%3Fx%3D1%26y%3D%252F',
  )
})

test('a path that looks like a host stays a path (D8)', () => {
  const to = locationOf(
    { to: '/login', return_to_query_param: 'r' },
    { rawPath: '//evil.com', authority: 'app' },
  )
  assert.equal(to, '/login?r=https%3A%2F%2Fapp%2F%2Fevil.com')
})

test('ignores a forwarded host', () => {
  const request = requestWith([['x-forwarded-host', 'evil.com']])
  const { headers } = compileHandler(redirect, { to: '/l', return_to_query_param: 'r' })(
    unauthorized('no_credential'),
    request,
  )
  assert.ok(!JSON.stringify(headers).includes('evil'))
})

test('with return_to_hosts, browsers return to listed hosts only (Q-38, H12)', () => {
  const config = {
    to: 'https://login/x?a=1',
    return_to_query_param: 'r',
    return_to_hosts: [
      'Shop.example.com',
      'odd.example.com:8443',
      '*.apps.example.com',
      'late.example.com:443',
      '*.late.example.com:443',
    ],
  }
  const at = (host: string, scheme = 'https') =>
    locationOf(config, { scheme, host, authority: host, rawPath: '/p', query: '' })
  const back = (host: string, scheme = 'https') =>
    `https://login/x?a=1&r=${scheme}%3A%2F%2F${host.replace(':', '%3A')}%2Fp`
  for (const host of [
    'shop.example.com',
    'odd.example.com:8443',
    'a.apps.example.com',
    'a.b.apps.example.com',
    'late.example.com',
  ]) {
    assert.equal(at(host), back(host), host)
  }
  assert.equal(at('shop.example.com', 'http'), back('shop.example.com', 'http'))
  for (const host of [
    'evil.example',
    'shop.example.com:444',
    'odd.example.com',
    'apps.example.com',
    'xapps.example.com',
    'shop.example.com.evil.example',
  ]) {
    assert.equal(at(host), 'https://login/x?a=1', host)
  }
  assert.equal(at('late.example.com', 'http'), 'https://login/x?a=1')
  assert.equal(at('a.late.example.com', 'https'), back('a.late.example.com'))
  assert.equal(at('a.late.example.com', 'http'), 'https://login/x?a=1')
  assert.equal(
    locationOf({ ...config, return_to_hosts: [] }, { host: 'shop.example.com' }),
    'https://login/x?a=1',
  )
})

test('without a return URL the redirect is not counted and keeps the parameters of the flow', () => {
  const config = { to: '/login', return_to_query_param: 'r', return_to_hosts: ['other'] }
  const stepUp = forbidden('second_factor_required', { hints: { loginQuery: { aal: 'aal2' } } })
  const { headers } = respond(config, { host: 'here' }, stepUp)
  assert.equal(headers.find(one => one.name === 'location')?.value, '/login?aal=aal2')
  assert.equal(
    headers.some(one => one.name === 'set-cookie'),
    false,
  )
  const own = forbidden('second_factor_required', { hints: { loginUrl: 'https://auth/login?aal=aal2' } })
  assert.equal(locationOf(config, { host: 'here' }, own), 'https://auth/login?aal=aal2')
})

for (const host of [
  '',
  'https://shop.example.com',
  'a/b',
  '*',
  '*.',
  'user@shop',
  'shop:0',
  '*.*.example.com',
]) {
  test(`rejects "${host}" as a host`, () => {
    assert.throws(() => compileHandler(redirect, { to: '/l', return_to_hosts: [host] }), /must be a host/)
  })
}

test('omits a very long return URL', () => {
  assert.equal(
    locationOf({ to: '/login', return_to_query_param: 'r' }, { query: 'q'.repeat(10_000) }),
    '/login',
  )
})

test('redirects to the login flow of the denial, with the return URL', () => {
  const denial = forbidden('second_factor_required', { hints: { loginUrl: 'https://auth/login?aal=aal2' } })
  assert.match(
    locationOf({ to: '/login' }, {}, denial) ?? '',
    /^https:\/\/auth\/login\?aal=aal2&return_to=https%3A/,
  )
})

test('GET gets an escaped page, HEAD its type, POST neither (D14)', () => {
  assert.equal(
    respond({ to: '/l?"><script>' }).body,
    '<a href="/l?&#34;&#62;&#60;script&#62;">Found</a>.\n\n',
  )
  assert.equal(respond({ to: '/l' }, { method: 'HEAD' }).body, '')
  assert.equal(
    respond({ to: '/l' }, { method: 'POST' }).headers.some(h => h.name === 'content-type'),
    false,
  )
})

/** Results of Go's `http.Redirect`. */
for (const [to, rawPath, expected] of [
  ['login', '/a/b', '/a/login'],
  ['login', '/a/b/', '/a/b/login'],
  ['login', '/a%20b/c', '/a%20b/login'],
  ['./login', '/a/b', '/a/login'],
  ['../login/', '/a/b', '/login/'],
  ['../../../x', '/a/b', '/x'],
  ['a//b', '/', '/a/b'],
  ['/a/../b', '/x', '/b'],
  ['/a/./b/', '/x', '/a/b/'],
  ['/', '/x', '/'],
  ['..', '/a/b/', '/a'],
  ['', '/a/b', '/a/'],
  ['?x=1', '/a/b', '/a/?x=1'],
  ['#f', '/a/b', '/a/#f'],
  ['login?x=../a', '/a/b', '/a/login?x=../a'],
  ['//other/x/../y', '/a', '//other/x/../y'],
  ['https://x/a/../b', '/a', 'https://x/a/../b'],
  ['mailto:x', '/a', 'mailto:x'],
] as const) {
  test(`"${to}" from ${rawPath} leads to ${expected}`, () => {
    assert.equal(locationOf({ to }, { rawPath }), expected)
  })
}

/** A redirect to the request itself would be a loop (D9). */
for (const [to, parts, loops] of [
  ['/login', { rawPath: '/login' }, true],
  ['/login', { rawPath: '/login', query: 'return_to=x' }, true],
  ['login', { rawPath: '/login', method: 'HEAD' }, true],
  ['https://app/login', { rawPath: '/login', authority: 'APP:443' }, true],
  ['https://app/login?a=1', { rawPath: '/login', authority: 'app', query: 'b=2&a=1' }, true],
  ['/login', { rawPath: '/login/' }, false],
  ['/login', { rawPath: '/login', method: 'POST' }, false],
  ['https://auth/login', { rawPath: '/login', authority: 'app' }, false],
  ['https://app/login', { rawPath: '/login', authority: 'app', scheme: 'http' }, false],
  ['/login?guest=1', { rawPath: '/login', query: 'guest=2' }, false],
] as const) {
  test(`a redirect to ${to} of ${JSON.stringify(parts)} ${loops ? 'is a denial' : 'is a redirect'}`, () => {
    const config = { to, return_to_query_param: 'return_to' }
    const { status, body } = respond(config, { scheme: 'https', ...parts })
    assert.equal(status, loops ? 401 : 302)
    if (loops) assert.equal(JSON.parse(body).error.code, 401)
  })
}

for (const rawPath of ['//evil.com/x', '/\\evil.com/x', '/\t/evil.com/x', '///evil.com/x']) {
  test(`a relative target never leads to another host, here from ${JSON.stringify(rawPath)} (D8)`, () => {
    const found = locationOf({ to: 'login' }, { rawPath }) ?? ''
    assert.equal(new URL(found, 'https://app.example.com/').host, 'app.example.com')
  })
}

test('rejects a target with a line break (J6)', () => {
  assert.throws(() => respond({ to: '/a\r\nx: y' }))
})

test('rejects codes other than 301 and 302, and warns about 301', () => {
  const warned = (code?: number) => {
    const harness = createHandlerHarness()
    buildIn(redirect, { to: '/', ...(code && { code }) }, harness)
    return harness.warnings.map(line => line.split(':')[0])
  }
  assert.deepEqual([warned(), warned(302), warned(301)], [[], [], ['code']])
  for (const code of [300, 303, 307, 308]) assert.throws(() => warned(code), { name: 'ZodError' })
})

test('sets the content type for GET and HEAD, and escapes & like Go', () => {
  for (const method of ['GET', 'HEAD']) {
    const { headers } = respond({ to: '/l?a=1&b=2' }, { method })
    assert.equal(headers.find(({ name }) => name === 'content-type')?.value, 'text/html; charset=utf-8')
  }
  assert.equal(respond({ to: '/l?a=1&b=2' }).body, '<a href="/l?a=1&amp;b=2">Found</a>.\n\n')
})

const KRATOS = 'https://auth.example.com/self-service/login/browser'
const LOGIN = { to: KRATOS, return_to_query_param: 'return_to' }
const NO_SESSION = unauthorized('no_credential')
const HTML: Headers = [['accept', 'text/html']]
const respondToBrowser = (
  headers: Headers = HTML,
  {
    denial = NO_SESSION,
    config = LOGIN as object,
    ...parts
  }: Partial<RequestView> & { denial?: Denial; config?: object } = {},
) => compileHandler(redirect, config)(denial, { ...requestWith(headers), ...parts })
const headerValues = (name: string, { headers }: ReturnType<typeof respondToBrowser>) =>
  headers.filter(header => header.name === name).map(header => header.value)

test('counts login redirects in a cookie of the page for a minute', () => {
  const sent = respondToBrowser(HTML, { rawPath: '/a/b' })
  assert.deepEqual(headerValues('set-cookie', sent), [
    'credence_login_rounds=1; Path=/a/b; Max-Age=60; HttpOnly; SameSite=Lax; Secure',
  ])
  const plain = respondToBrowser([['cookie', 'x=9; credence_login_rounds=1']], { scheme: 'http' })
  assert.deepEqual(headerValues('set-cookie', plain), [
    'credence_login_rounds=2; Path=/; Max-Age=60; HttpOnly; SameSite=Lax',
  ])
})

test('does not count a redirect without a return URL', () => {
  assert.deepEqual(headerValues('set-cookie', respondToBrowser(HTML, { config: { to: '/gone' } })), [])
})

test('replaces the third redirect within a minute by an explanation and restarts the count', () => {
  const stopped = respondToBrowser([...HTML, ['cookie', 'credence_login_rounds=2']])
  assert.equal(stopped.status, 401)
  assert.deepEqual(headerValues('location', stopped), [])
  assert.match(stopped.body, /not logged in here/)
  assert.ok(
    stopped.body.includes(
      `<a class="button" href="${KRATOS}?return_to=https%3A%2F%2Fapp.example.com%2F">Log in</a>`,
    ),
  )
  assert.match(headerValues('set-cookie', stopped)[0] ?? '', /^credence_login_rounds=0; Path=\/; Max-Age=0;/)
  assert.deepEqual(headerValues('cache-control', stopped), ['no-store'])
})

test('a client that does not accept HTML gets JSON instead, and HEAD gets no body', () => {
  const cookie = ['cookie', 'credence_login_rounds=2'] as const
  const json = respondToBrowser([['accept', 'application/json'], cookie])
  assert.equal(JSON.parse(json.body).error.code, 401)
  assert.equal(respondToBrowser([...HTML, cookie], { method: 'HEAD' }).body, '')
})

for (const value of ['', '0', '10', '-1', '2x', 'two', '%32']) {
  test(`a count of ${JSON.stringify(value)} counts as 0`, () => {
    const sent = respondToBrowser([...HTML, ['cookie', `credence_login_rounds=${value}`]])
    assert.equal(sent.status, 302)
  })
}

test('of two counts the first one is used, which belongs to this page', () => {
  const line = 'credence_login_rounds=1; credence_login_rounds=2'
  assert.equal(respondToBrowser([...HTML, ['cookie', line]]).status, 302)
})

for (const [rawPath, path] of [
  ['/a;Path=/', '/'],
  ['/a/b;x=1/c', '/a/'],
  [`/${'a'.repeat(2000)}`, '/'],
  ['/a b', '/'],
] as const) {
  test(`the count of ${rawPath.slice(0, 12)} has the path ${path}`, () => {
    const [line = ''] = headerValues('set-cookie', respondToBrowser(HTML, { rawPath }))
    assert.deepEqual(line.split('; ').slice(1, 3), [`Path=${path}`, 'Max-Age=60'])
  })
}

for (const [to, rawPath] of [
  ['/login', '/login'],
  ['https://App.example.com/login?x=1', '/login'],
  ['login', '/login'],
] as const) {
  test(`a login URL that is the page itself (${to}) yields an explanation instead of a loop (D9)`, () => {
    const config = { to, return_to_query_param: 'r' }
    assert.equal(respondToBrowser(HTML, { config, rawPath, query: 'r=1&x=1' }).status, 401)
  })
}

test('a redirect to the page itself yields an explanation even without a return URL (D9)', () => {
  assert.equal(respondToBrowser(HTML, { config: { to: '/gone' }, rawPath: '/gone' }).status, 401)
})

test('an outage causes no redirect to the login unless `when` names it (G7)', () => {
  const down = unavailable('no answer')
  for (const config of [LOGIN, { to: '/login' }, { to: '/login', when: [{}, { error: ['unauthorized'] }] }]) {
    const page = respondToBrowser(HTML, { denial: down, config })
    assert.deepEqual([page.status, headerValues('location', page)], [503, []])
    assert.match(page.body, /try again in a moment/)
    assert.match(page.body, /<a class="button" href="">Try again<\/a>/)
    assert.ok(!page.body.includes('login"'))
    assert.equal(JSON.parse(respond(config, {}, down).body).error.code, 503)
  }
  const named = { to: '/login', when: [{ error: ['unauthorized', 'service_unavailable'] }] }
  assert.equal(respond(named, {}, down).status, 302)
})

for (const [code, said] of [
  [
    'second_factor_required',
    /set one up in the settings.*Use your second factor.*settings\/browser">Settings of your account/,
  ],
  ['reauthentication_required', /needs a new login/],
  ['forbidden', /no access to this page/],
] as const) {
  test(`after two redirects for ${code} a page says what to do`, () => {
    const denial = forbidden(code, { hints: { loginQuery: { aal: 'aal2' } } })
    const answer = respondToBrowser([...HTML, ['cookie', 'credence_login_rounds=2']], { denial })
    assert.equal(answer.status, 403)
    assert.match(answer.body, said)
    assert.match(answer.body, /login\/browser\?aal=aal2&amp;return_to=https/)
  })
}

test('escapes the links of that page', () => {
  const config = { to: `${KRATOS}?x="><script>`, return_to_query_param: 'r' }
  const answer = respondToBrowser([...HTML, ['cookie', 'credence_login_rounds=2']], {
    config,
    query: '"><script>alert(1)',
  })
  assert.ok(!answer.body.includes('<script'))
})
