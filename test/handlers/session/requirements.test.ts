import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity, JsonObject } from '../../../src/access/session.ts'
import type { CacheResult, Verdict } from '../../../src/access/verdict.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import { redirect } from '../../../src/handlers/errors/redirect.ts'
import type { Services } from '../../../src/handlers/services.ts'
import type { WallTime } from '../../../src/lib/time.ts'
import { requestWith } from '../../support/request.ts'
import { compileHandler } from '../build.ts'

const MINUTE_MS = 60_000
const NOW_MS = 100 * MINUTE_MS

function session(
  cache: CacheResult,
  over: { aal?: 'aal1' | 'aal2'; minutesAgo?: number; methods?: string[] } = {},
): Verdict {
  const methods = (over.methods ?? ['password']).map((method): JsonObject => ({ method }))
  return {
    kind: 'verified',
    cache,
    responseHeaders: [],
    session: {
      id: 's',
      identityId: 'u1',
      aal: over.aal ?? 'aal1',
      authenticatedAt: (NOW_MS - (over.minutesAgo ?? 1) * MINUTE_MS) as WallTime,
      expiresAt: (NOW_MS + MINUTE_MS) as WallTime,
      document: { identity: { id: 'u1' }, authentication_methods: methods },
    },
  }
}

/** The decision of the rule, and the calls for a cached and for a fresh session. */
async function authenticate(require: object, verdicts: Verdict[], kind: 'cookie' | 'token' = 'cookie') {
  const options: Parameters<Services['kratos']['verify']>[3][] = []
  const kratos: Services['kratos'] = {
    verify(_endpoint, _credential, _request, how) {
      options.push(how)
      return verdicts[Math.min(options.length, verdicts.length) - 1] as Verdict
    },
    isTokenRevoked: () => false,
  }
  const clock = { now: () => 0 as never, wall: () => NOW_MS as WallTime }
  const config = { check_session_url: 'http://kratos/sessions/whoami', require }
  const request = requestWith([
    ['cookie', 'ory_kratos_session=x'],
    ['authorization', 'Bearer ory_st_x'],
  ])
  const handler =
    kind === 'cookie'
      ? compileHandler(cookieSession, { ...config, only: ['ory_kratos_session'] }, { kratos, clock })
      : compileHandler(bearerToken, config, { kratos, clock })
  const outcome = (await handler(request)) as Identity | Denial
  return { outcome, options, asked: options.map(one => one?.fresh) }
}

for (const [what, require, over] of [
  ['a second factor', { aal: 'aal2' }, { aal: 'aal2' }],
  ['a recent authentication', { authenticated_within: '10m' }, { minutesAgo: 9 }],
  ['one of the methods', { methods: ['totp', 'webauthn'] }, { methods: ['password', 'totp'] }],
] as const) {
  test(`a cached session with ${what} meets the requirement`, async () => {
    const { outcome, asked } = await authenticate(require, [session('hit', over as object)])
    assert.equal(outcome.kind, 'identity')
    assert.deepEqual(asked, [false])
  })
}

for (const [what, require, code] of [
  ['a second factor', { aal: 'aal2' }, 'second_factor_required'],
  ['a recent authentication', { authenticated_within: '10m' }, 'reauthentication_required'],
  ['a method', { methods: ['totp'] }, 'reauthentication_required'],
] as const) {
  test(`without ${what} a cached session is checked with Kratos before the 403 (C8)`, async () => {
    const old = session('hit', { minutesAgo: 30 })
    const { outcome, asked } = await authenticate(require, [old, session('miss', { minutesAgo: 30 })])
    assert.deepEqual(asked, [false, true])
    assert.ok(outcome.kind === 'denial')
    assert.deepEqual([outcome.status, outcome.code], [403, code])
  })
}

test('accepts stale sessions only if the rule has no requirements', async () => {
  const stale = async (require: object) => {
    const { options } = await authenticate(require, [session('hit', { aal: 'aal2' })])
    return options.map(one => one?.stale)
  }
  assert.deepEqual(await stale({}), [true])
  assert.deepEqual(await stale({ aal: 'aal2' }), [false])
  assert.deepEqual(await stale({ fresh: true }), [false])
})

test('after a step-up the fresh session counts instead of the cached one', async () => {
  const { outcome } = await authenticate({ aal: 'aal2' }, [session('hit'), session('miss', { aal: 'aal2' })])
  assert.equal(outcome.kind, 'identity')
})

for (const cache of ['miss', 'off'] as const) {
  test(`a fresh session (${cache}) is not checked again`, async () => {
    const { asked } = await authenticate({ aal: 'aal2' }, [session(cache)])
    assert.deepEqual(asked, [false])
  })
}

test('a failed second check is a 503', async () => {
  const { outcome } = await authenticate({ aal: 'aal2' }, [
    session('hit'),
    { kind: 'unavailable', reason: 'down' },
  ])
  assert.equal(outcome.kind === 'denial' && outcome.status, 503)
})

test('a rule with fresh never uses the cache', async () => {
  for (const fresh of [true, 'required']) {
    const { asked } = await authenticate({ fresh }, [session('miss')])
    assert.deepEqual(asked, [true])
  }
  const { asked } = await authenticate({ fresh: false }, [session('hit')])
  assert.deepEqual(asked, [false])
})

for (const [require, expected] of [
  [{ aal: 'aal2' }, /error="insufficient_user_authentication".*acr_values="aal2"/],
  [{ authenticated_within: '5m' }, /error="insufficient_user_authentication".*max_age="300"$/],
  [{ aal: 'aal2', authenticated_within: '5m' }, /acr_values="aal2", max_age="300"$/],
  [{ methods: ['totp'] }, /^Bearer error="insufficient_user_authentication", error_description="[a-z ]+"$/],
] as const) {
  test(`a token gets a challenge for ${JSON.stringify(require)} (RFC 9470)`, async () => {
    const { outcome } = await authenticate(require, [session('miss', { minutesAgo: 30 })], 'token')
    assert.ok(outcome.kind === 'denial')
    assert.equal(outcome.status, 401)
    assert.match(outcome.headers.find(header => header.name === 'www-authenticate')?.value ?? '', expected)
  })
}

test('a browser is redirected to a flow in which it can meet the requirement', async () => {
  const { outcome } = await authenticate({ aal: 'aal2' }, [session('miss')])
  assert.ok(outcome.kind === 'denial')
  const to = 'https://auth.example.com/self-service/login/browser'
  const { headers } = compileHandler(redirect, { to, return_to_query_param: 'return_to' })(
    outcome,
    requestWith(),
  )
  assert.match(headers[0]?.value ?? '', /\?aal=aal2&return_to=https/)
})

test('rejects requirements for an endpoint that is not Kratos', () => {
  assert.throws(
    () => compileHandler(cookieSession, { check_session_url: 'http://x/y', require: { aal: 'aal2' } }),
    /Kratos/,
  )
})
