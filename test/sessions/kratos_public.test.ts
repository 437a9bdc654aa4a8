import assert from 'node:assert/strict'
import test from 'node:test'
import { createSessionChangeReader } from '../../src/sessions/kratos_public.ts'
import { requestWith } from '../support/request.ts'

const ID = '7458af86-c1d8-401c-978a-8da89133f78b'
const COOKIE = ['cookie', 'a=1; ory_kratos_session=x'] as const
const read = createSessionChangeReader({
  urls: ['https://auth.example.com', 'http://app.example.com:8080/.ory/kratos/'],
  cookieNames: ['ory_kratos_session', 'other_session'],
})

const readChange = (method: string, path: string, authority = 'auth.example.com') =>
  read(requestWith([COOKIE], { method, authority, path }))

for (const [method, path, scope] of [
  ['GET', '/self-service/logout', 'session'],
  ['get', '/self-service/logout', 'session'],
  ['DELETE', '/self-service/logout/api', 'session'],
  ['DELETE', '/sessions', 'others'],
  ['DELETE', `/sessions/${ID.toUpperCase()}`, { sessionId: ID }],
  ['POST', '/self-service/login', 'identity'],
  ['POST', '/self-service/settings', 'identity'],
  ['POST', '/self-service/recovery', 'identity'],
  ['GET', '/self-service/recovery', 'identity'],
  ['GET', '/self-service/methods/oidc/callback/google', 'identity'],
  ['POST', '/self-service/methods/oidc/callback', 'identity'],
] as const) {
  test(`${method} ${path} changes ${typeof scope === 'string' ? scope : 'the named session'}`, () => {
    assert.deepEqual(readChange(method, path), {
      scope,
      credentials: [{ kind: 'cookie', name: 'ory_kratos_session', value: 'x' }],
    })
  })
}

for (const [method, path] of [
  ['GET', '/self-service/logout/browser'],
  ['POST', '/self-service/logout'],
  ['GET', '/sessions'],
  ['GET', '/sessions/whoami'],
  ['DELETE', '/sessions/whoami'],
  ['DELETE', `/sessions/${ID}/x`],
  ['GET', '/self-service/login/browser'],
  ['GET', '/self-service/settings/flows'],
  ['OPTIONS', '/self-service/logout'],
  ['GET', '/self-service/logouts'],
  ['GET', '/x/self-service/logout'],
  ['GET', '/Self-Service/Logout'],
] as const) {
  test(`${method} ${path} changes nothing`, () => assert.equal(readChange(method, path), undefined))
}

test('only at a configured URL: by host with port, and below its path', () => {
  const isRecognized = (authority: string, path: string) => readChange('GET', path, authority) !== undefined
  assert.ok(isRecognized('auth.example.com', '/self-service/logout'))
  assert.ok(isRecognized('app.example.com:8080', '/.ory/kratos/self-service/logout'))
  assert.ok(!isRecognized('app.example.com:8080', '/self-service/logout'))
  assert.ok(!isRecognized('app.example.com:8080', '/.ory/kratosself-service/logout'))
  assert.ok(!isRecognized('app.example.com', '/.ory/kratos/self-service/logout'))
  assert.ok(!isRecognized('auth.example.com.evil', '/self-service/logout'))
})

test('reads credentials from cookies, headers and body; without any there is no change', () => {
  const logout = { method: 'DELETE', authority: 'auth.example.com', path: '/self-service/logout/api' }
  const values = (headers: readonly (readonly [string, string])[], body?: string) =>
    read({
      ...requestWith(headers, logout),
      body: body === undefined ? undefined : Buffer.from(body),
    })?.credentials.map(one => `${one.kind} ${one.value}`)
  assert.deepEqual(values([['cookie', 'ory_kratos_session=x; other_session=y; ory_kratos_session=z']]), [
    'cookie x',
    'cookie z',
    'cookie y',
  ])
  assert.deepEqual(values([['x-session-token', 't']]), ['token t'])
  assert.deepEqual(values([['authorization', 'bearer t']]), ['token t'])
  assert.deepEqual(values([], '{"session_token":"ory_st_1"}'), ['token ory_st_1'])
  for (const body of [
    '',
    '{',
    '[]',
    'null',
    '{"session_token":7}',
    '{"session_token":""}',
    `{"session_token":"${'x'.repeat(70_000)}"}`,
  ]) {
    assert.equal(values([], body), undefined, body.slice(0, 40))
  }
  assert.equal(values([['cookie', 'a=1; ory_kratos_session=']]), undefined)
  assert.equal(values([['authorization', 'Basic x']]), undefined)
  const many = Array.from({ length: 50 }, (_, i) => ['cookie', `ory_kratos_session=${i}`] as const)
  assert.equal(values(many)?.length, 4)
})

test('of two URLs with one host the shorter does not hide the longer, in either order', () => {
  const urls = ['https://auth.example.com', 'https://auth.example.com/.ory']
  for (const order of [urls, urls.toReversed()]) {
    const found = createSessionChangeReader({ urls: order, cookieNames: ['ory_kratos_session'] })
    for (const path of ['/self-service/logout', '/.ory/self-service/logout'])
      assert.equal(
        found(requestWith([COOKIE], { authority: 'auth.example.com', path }))?.scope,
        'session',
        path,
      )
  }
})
