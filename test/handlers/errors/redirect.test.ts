import assert from 'node:assert/strict'
import test from 'node:test'
import { forbidden, unauthorized, unavailable } from '../../../src/access/denial.ts'
import type { RequestView } from '../../../src/access/request.ts'
import { redirect } from '../../../src/handlers/errors/redirect.ts'
import { requestWith } from '../../fakes/request.ts'
import { build as buildIn, worldWith } from '../../fakes/services.ts'
import { build } from '../build.ts'

const answer = (config: object, parts: Partial<RequestView> = {}, denial = unauthorized('no_credential')) =>
  build(redirect, config)(denial, { ...requestWith(), ...parts })
const location = (config: object, parts?: Partial<RequestView>, denial?: ReturnType<typeof unauthorized>) =>
  answer(config, parts, denial).headers.find(header => header.name === 'location')?.value

test('the browser is sent where the configuration says, with 302 unless it says otherwise', () => {
  assert.equal(answer({ to: 'https://login/' }).status, 302)
  assert.equal(answer({ to: 'https://login/', code: 301 }).status, 301)
  assert.equal(location({ to: 'https://login/?a=1' }), 'https://login/?a=1')
})

test('return_to is the request as Envoy saw it, encoded as a whole, beside what `to` has (Q-37, Q-38)', () => {
  const parts = { scheme: 'https', authority: 'App:8443', rawPath: '/a%20b/', query: 'x=1&y=%2F' }
  assert.equal(
    location({ to: 'https://login/x?foo=bar', return_to_query_param: 'return_to' }, parts),
    'https://login/x?foo=bar&return_to=https%3A%2F%2FApp%3A8443%2Fa%2520b%2F%3Fx%3D1%26y%3D%252F',
  )
})

test('a path that looks like a host of its own stays below the host (D8)', () => {
  const to = location(
    { to: '/login', return_to_query_param: 'r' },
    { rawPath: '//evil.com', authority: 'app' },
  )
  assert.equal(to, '/login?r=https%3A%2F%2Fapp%2F%2Fevil.com')
})

test('a forwarded host is not believed', () => {
  const request = requestWith([['x-forwarded-host', 'evil.com']])
  const { headers } = build(redirect, { to: '/l', return_to_query_param: 'r' })(
    unauthorized('no_credential'),
    request,
  )
  assert.ok(!JSON.stringify(headers).includes('evil'))
})

test('a very long address is not worth coming back to', () => {
  assert.equal(
    location({ to: '/login', return_to_query_param: 'r' }, { query: 'q'.repeat(10_000) }),
    '/login',
  )
})

test('a denial that knows its own login flow is sent there, with the way back', () => {
  const denial = forbidden('second_factor_required', { hints: { loginUrl: 'https://auth/login?aal=aal2' } })
  assert.match(
    location({ to: '/login' }, {}, denial) ?? '',
    /^https:\/\/auth\/login\?aal=aal2&return_to=https%3A/,
  )
})

test('GET gets a page that cannot be turned against the reader, HEAD its type, POST neither (D14)', () => {
  assert.equal(answer({ to: '/l?"><script>' }).body, '<a href="/l?&#34;&#62;&#60;script&#62;">Found</a>.\n\n')
  assert.equal(answer({ to: '/l' }, { method: 'HEAD' }).body, '')
  assert.equal(
    answer({ to: '/l' }, { method: 'POST' }).headers.some(h => h.name === 'content-type'),
    false,
  )
})

/** What Go's http.Redirect makes of it. */
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
    assert.equal(location({ to }, { rawPath }), expected)
  })
}

/** A redirect to the request itself would only come back (D9). */
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
  test(`a redirect to ${to} of ${JSON.stringify(parts)} ${loops ? 'is a refusal' : 'is one'}`, () => {
    const config = { to, return_to_query_param: 'return_to' }
    const { status, body } = answer(config, { scheme: 'https', ...parts })
    assert.equal(status, loops ? 401 : 302)
    if (loops) assert.equal(JSON.parse(body).error.code, 401)
  })
}

for (const rawPath of ['//evil.com/x', '/\\evil.com/x', '/\t/evil.com/x', '///evil.com/x']) {
  test(`a relative target never leads to another host, here from ${JSON.stringify(rawPath)} (D8)`, () => {
    const found = location({ to: 'login' }, { rawPath }) ?? ''
    assert.equal(new URL(found, 'https://app.example.com/').host, 'app.example.com')
  })
}

test('a target with a line break is refused at load (J6)', () => {
  assert.throws(() => answer({ to: '/a\r\nx: y' }))
})

/** Kratos sends whoever has a session straight back unless it is asked for more. */
for (const [code, to, expected] of [
  [
    'second_factor_required',
    'https://k/self-service/login/browser?a=1',
    'https://k/self-service/login/browser?a=1&aal=aal2',
  ],
  [
    'reauthentication_required',
    'https://k/self-service/login/browser',
    'https://k/self-service/login/browser?refresh=true',
  ],
  ['second_factor_required', 'https://k/login', 'https://k/login'],
  ['forbidden', 'https://k/self-service/login/browser', 'https://k/self-service/login/browser'],
] as const) {
  test(`${code} leads to ${expected}`, () => {
    assert.equal(location({ to }, {}, forbidden(code)), expected)
  })
}

test('other codes than 301 and 302 do not decode; a 301 is named at load', () => {
  const warned = (code?: number) => {
    const world = worldWith()
    buildIn(redirect, { to: '/', ...(code && { code }) }, world)
    return world.warnings.map(line => line.split(':')[0])
  }
  assert.deepEqual([warned(), warned(302), warned(301)], [[], [], ['code']])
  for (const code of [300, 303, 307, 308]) assert.throws(() => warned(code), { name: 'ZodError' })
})

test('a page has its type for GET and HEAD, and & is written as Go writes it', () => {
  for (const method of ['GET', 'HEAD']) {
    const { headers } = answer({ to: '/l?a=1&b=2' }, { method })
    assert.equal(headers.find(({ name }) => name === 'content-type')?.value, 'text/html; charset=utf-8')
  }
  assert.equal(answer({ to: '/l?a=1&b=2' }).body, '<a href="/l?a=1&amp;b=2">Found</a>.\n\n')
})

test('what could not be found out sends nobody to the login, unless the condition names it (G7)', () => {
  const down = unavailable('no answer')
  for (const config of [{ to: '/login' }, { to: '/login', when: [{}, { error: ['unauthorized'] }] }]) {
    const { status, headers, body } = answer(config, {}, down)
    assert.equal(status, 503)
    assert.equal(JSON.parse(body).error.code, 503)
    assert.ok(!headers.some(({ name }) => name === 'location'))
  }
  const named = { to: '/login', when: [{ error: ['unauthorized', 'service_unavailable'] }] }
  assert.equal(answer(named, {}, down).status, 302)
})
