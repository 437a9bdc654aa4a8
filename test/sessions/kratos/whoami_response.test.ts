import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../../src/access/session.ts'
import type { HeaderPair, HttpResponse } from '../../../src/clients/http/message.ts'
import type { WallTime } from '../../../src/lib/time.ts'
import { readWhoamiResponse } from '../../../src/sessions/kratos/whoami_response.ts'
import type { Finding } from '../../../src/sessions/types.ts'
import {
  answered,
  IDENTITY_ID,
  liveSession,
  SECOND_FACTOR_REQUIRED,
  SESSION_ID,
  sessionDocument,
} from '../../support/kratos.ts'

const NOW = Date.UTC(2026, 10, 22, 5) as WallTime
const COOKIE = 'ory_kratos_session'
const read = (answer: Parameters<typeof readWhoamiResponse>[0], now = NOW): Finding =>
  readWhoamiResponse(answer, COOKIE, now)
const identity = (over: JsonObject) => ({ identity: { id: IDENTITY_ID, state: 'active', ...over } })

interface Recording {
  readonly name: string
  readonly method: string
  readonly status: number
  readonly headers: readonly HeaderPair[]
  readonly body: string
}

/** Recorded responses of Kratos v26.2.0. */
const recordings = readFileSync(new URL('recordings/whoami.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Recording)

const KINDS: ReadonlyMap<number, Finding['kind']> = new Map([
  [200, 'verified'],
  [401, 'rejected'],
  [403, 'second factor'],
  [307, 'unavailable'],
  [400, 'unavailable'],
  [404, 'unavailable'],
  [500, 'unavailable'],
])

for (const { name, method, status, headers, body } of recordings) {
  const expected = method === 'HEAD' ? 'unavailable' : KINDS.get(status)
  test(`recorded ${name}: ${status} is ${expected}`, () => {
    const first = (wanted: string) => headers.find(([key]) => key === wanted)?.[1]
    const found = read(
      { kind: 'answered', status, headers, body },
      Date.parse(first('date') as string) as WallTime,
    )
    assert.equal(found.kind, expected)
    if (found.kind === 'second factor') {
      assert.equal(found.loginUrl, 'http://127.0.0.1:14433/self-service/login/browser?aal=aal2')
    }
    if (found.kind !== 'verified') return
    assert.equal(found.session.identityId, first('x-kratos-authenticated-identity-id'))
    assert.deepEqual(
      found.cacheFor,
      [first('ory-session-cache-for')].filter(value => value !== undefined),
    )
    assert.deepEqual(
      found.responseHeaders.map(({ value }) => value),
      headers.filter(([key]) => key === 'set-cookie').map(([, value]) => value),
    )
  })
}

test('reads a live session with its times, its level and the whole document', () => {
  assert.deepEqual(read(liveSession()), {
    kind: 'verified',
    session: {
      id: SESSION_ID,
      identityId: IDENTITY_ID,
      aal: 'aal1',
      authenticatedAt: Date.UTC(2026, 10, 22, 4),
      expiresAt: Date.UTC(2026, 10, 22, 6, 0, 0, 123),
      document: sessionDocument(),
    },
    responseHeaders: [],
    cacheFor: [],
  })
})

test('the session is frozen, because requests share it', () => {
  const found = read(liveSession())
  assert.ok(found.kind === 'verified')
  const { document } = found.session
  assert.throws(() => {
    ;(document.identity as { id: string }).id = 'other'
  }, TypeError)
  assert.throws(() => {
    ;(document as { extra?: string }).extra = 'x'
  }, TypeError)
})

for (const [what, body, kind] of [
  ['a page of HTML', '<html>login</html>', 'unavailable'],
  ['nothing', '', 'unavailable'],
  ['null', 'null', 'unavailable'],
  ['an array', '[{}]', 'unavailable'],
  ['a text', '"active"', 'unavailable'],
  ['half a document', JSON.stringify(sessionDocument()).slice(0, -2), 'unavailable'],
  ['an empty object', {}, 'unavailable'],
  ['no active', sessionDocument({ active: null }), 'unavailable'],
  ['active as a text', sessionDocument({ active: 'true' }), 'unavailable'],
  ['active as a number', sessionDocument({ active: 1 }), 'unavailable'],
  ['a session that is not active', sessionDocument({ active: false }), 'rejected'],
  ['an inactive identity', sessionDocument(identity({ state: 'inactive' })), 'rejected'],
  ['an identity of unknown state', sessionDocument(identity({ state: 'Active' })), 'unavailable'],
  ['an identity without state', sessionDocument({ identity: { id: IDENTITY_ID } }), 'verified'],
  ['an identity whose state is null', sessionDocument(identity({ state: null })), 'unavailable'],
  ['no identity', sessionDocument({ identity: null }), 'unavailable'],
  ['a list as identity', sessionDocument({ identity: [] }), 'unavailable'],
  ['an empty identity id', sessionDocument(identity({ id: '' })), 'unavailable'],
  ['a number as identity id', sessionDocument(identity({ id: 1 })), 'unavailable'],
  ['the nil UUID', sessionDocument(identity({ id: '00000000-0000-0000-0000-000000000000' })), 'unavailable'],
  ['no session id', sessionDocument({ id: null }), 'unavailable'],
  ['a session id that is no UUID', sessionDocument({ id: 'x' }), 'verified'],
  ['an empty session id', sessionDocument({ id: '' }), 'unavailable'],
  ['no expiry', sessionDocument({ expires_at: null }), 'unavailable'],
  ['an expiry without zone', sessionDocument({ expires_at: '2026-11-22T06:00:00' }), 'unavailable'],
  ['an expiry that is no date', sessionDocument({ expires_at: '2026-13-42T06:00:00Z' }), 'unavailable'],
  ['an expiry in words', sessionDocument({ expires_at: 'tomorrow' }), 'unavailable'],
  ['an expiry in seconds', sessionDocument({ expires_at: 4_000_000_000 }), 'unavailable'],
  ['an expiry now', sessionDocument({ expires_at: '2026-11-22T05:00:00Z' }), 'unavailable'],
  [
    'an expiry in another zone, past',
    sessionDocument({ expires_at: '2026-11-22T06:00:00+02:00' }),
    'unavailable',
  ],
  [
    'an expiry in another zone, to come',
    sessionDocument({ expires_at: '2026-11-22T04:00:00-02:00' }),
    'verified',
  ],
] as const) {
  test(`200 with ${what} is ${kind} (C11)`, () => {
    assert.equal(read(answered(200, body)).kind, kind)
  })
}

for (const [status, body, kind] of [
  [201, sessionDocument(), 'unavailable'],
  [204, '', 'unavailable'],
  [206, sessionDocument(), 'unavailable'],
  [302, sessionDocument(), 'unavailable'],
  [304, '', 'unavailable'],
  [401, '<html>', 'rejected'],
  [403, '<html>', 'unavailable'],
  [403, { error: { id: 'security_csrf_violation' } }, 'unavailable'],
  [403, { error: 'session_aal2_required' }, 'unavailable'],
  [404, sessionDocument(), 'unavailable'],
  [500, sessionDocument(), 'unavailable'],
  [502, '', 'unavailable'],
] as const) {
  test(`${status} with ${JSON.stringify(body).slice(0, 40)} is ${kind}`, () => {
    assert.equal(read(answered(status, body)).kind, kind)
  })
}

test('a required second factor has the login URL, if it is an http(s) URL', () => {
  const url = 'https://auth.example.com/self-service/login/browser?aal=aal2'
  assert.deepEqual(read(SECOND_FACTOR_REQUIRED), { kind: 'second factor', loginUrl: url })
  for (const bad of ['javascript:alert(1)', '/login', null, 7]) {
    const body = { error: { id: 'session_aal2_required' }, redirect_browser_to: bad }
    assert.deepEqual(read(answered(403, body)), { kind: 'second factor', loginUrl: undefined })
  }
  const old = answered(422, { error: { id: 'session_aal2_required' }, redirect_browser_to: url })
  assert.equal(read(old).kind, 'second factor')
})

test('429 passes on the rate limit headers', () => {
  const answer = answered(429, '', [
    ['retry-after', '7'],
    ['x-ratelimit-remaining', '0'],
    ['set-cookie', 'a=1'],
  ])
  assert.deepEqual(read(answer), {
    kind: 'limited',
    headers: [
      { name: 'retry-after', value: '7' },
      { name: 'x-ratelimit-remaining', value: '0' },
    ],
  })
})

for (const [value, seconds] of [
  ['7', 7],
  ['0', 0],
  ['-1', undefined],
  ['9999999', undefined],
  ['Sun, 22 Nov 2026 05:00:00 GMT', undefined],
] as const) {
  test(`Retry-After: ${value} of a 503 is ${seconds === undefined ? 'not ' : ''}passed on`, () => {
    const found = read(answered(503, '', [['retry-after', value]]))
    assert.equal(found.kind === 'unavailable' && found.retryAfterSeconds, seconds)
  })
}

test('a failed call is `unavailable`, whatever the cause', () => {
  for (const cause of [
    'connect',
    'timeout',
    'deadline',
    'reset',
    'too_large',
    'malformed',
    'closed',
    'busy',
  ] as const) {
    const found = read({ kind: 'failed', cause, message: 'kratos.whoami: no' })
    assert.deepEqual(found, { kind: 'unavailable', reason: 'kratos.whoami: no' })
  }
})

test('an unknown level counts as aal0, an unreadable time as long ago', () => {
  const found = read(
    liveSession([], { authenticator_assurance_level: 'aal9', authenticated_at: 'yesterday' }),
  )
  assert.ok(found.kind === 'verified')
  assert.deepEqual([found.session.aal, found.session.authenticatedAt], ['aal0', 0])
})

test('only a Set-Cookie of the session cookie is passed on, none for a token', () => {
  const answer: HttpResponse = liveSession([
    ['set-cookie', 'ory_kratos_session=new; Path=/; HttpOnly'],
    ['set-cookie', 'ory_kratos_session_x=1'],
    ['set-cookie', 'csrf_token_1=x'],
  ])
  const cookie = read(answer)
  const token = readWhoamiResponse(answer, '', NOW)
  assert.ok(cookie.kind === 'verified' && token.kind === 'verified')
  assert.deepEqual(cookie.responseHeaders, [
    { name: 'set-cookie', value: 'ory_kratos_session=new; Path=/; HttpOnly' },
  ])
  assert.deepEqual(token.responseHeaders, [])
})

test('never throws, and only a 200 with a session verifies', () => {
  const body = fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify(sessionDocument())))
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), body, (status, text) => {
      const { kind } = read(answered(status, text))
      if (kind === 'verified') assert.deepEqual([status, JSON.parse(text)], [200, sessionDocument()])
    }),
  )
})

test('a 401 because the assurance level could not be determined is no rejection', () => {
  const error = { code: 401, status: 'Unauthorized', reason: 'Unable to determine AAL.' }
  assert.equal(read(answered(401, { error })).kind, 'unavailable')
})

test('a 401 is certain only with Ory-Session-Cache-For, which Kratos sends before it uses its database', () => {
  for (const { name, status, headers, body } of recordings.filter(one => one.status === 401)) {
    const finding = read({ kind: 'answered', status, headers, body })
    const says = headers.some(([header]) => header === 'ory-session-cache-for')
    assert.deepEqual(finding, { kind: 'rejected', certain: says }, name)
  }
  const known = recordings.filter(one => one.status === 401).map(one => one.name)
  assert.ok(
    known.some(name => /^db-/.test(name)) && known.some(name => /cache-on-401-none/.test(name)),
    known.join(),
  )
})
