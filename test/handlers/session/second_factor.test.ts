import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Verdict } from '../../../src/access/verdict.ts'
import type { HttpFailure, HttpResponse } from '../../../src/clients/http/message.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import { redirect } from '../../../src/handlers/errors/redirect.ts'
import type { WallTime } from '../../../src/lib/time.ts'
import { readWhoamiResponse } from '../../../src/sessions/kratos/whoami_response.ts'
import { buildHandler, createHandlerHarness, type HandlerHarness } from '../../support/handler_harness.ts'
import { answered, liveSession } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

/** The `aal=aal2` flow of Kratos v1.3.1 and v26.2.0. Its groups are the methods of the account. */
const loginFlow = (...groups: string[]): HttpResponse =>
  answered(200, {
    ui: {
      action: 'https://auth.example.com/self-service/login?flow=8504c959',
      nodes: ['default', ...groups].map(group => ({ type: 'input', group, attributes: { name: group } })),
    },
    requested_aal: 'aal2',
  })

const whoami = readWhoamiResponse(liveSession(), 's', Date.UTC(2026, 10, 22, 5) as WallTime)
assert.ok(whoami.kind === 'verified')
const AAL1: Verdict = { kind: 'verified', session: whoami.session, cache: 'miss', responseHeaders: [] }
const BROWSER_HEADERS = [
  ['cookie', 'a=1; s=x'],
  ['accept', 'text/html'],
] as const

async function authenticate(
  harness: HandlerHarness,
  headers: Parameters<typeof requestWith>[0] = BROWSER_HEADERS,
  over: object = {},
) {
  const config = {
    check_session_url: 'http://kratos:4433/base/sessions/whoami',
    only: ['s'],
    require: { aal: 'aal2' },
    ...over,
  }
  return (await buildHandler(cookieSession, config, harness)(requestWith(headers))) as Denial
}

test('explains how to set up a second factor instead of redirecting to a flow that cannot be completed', async () => {
  const harness = createHandlerHarness({ verdict: AAL1, answer: loginFlow() })
  const denial = await authenticate(harness)
  assert.deepEqual(
    [denial.status, denial.code, denial.hints],
    [403, 'second_factor_required', { enrollmentRequired: true }],
  )
  const to = 'https://auth.example.com/self-service/login/browser'
  const page = buildHandler(
    redirect,
    { to, return_to_query_param: 'return_to' },
    harness,
  )(denial, requestWith(BROWSER_HEADERS))
  assert.equal(page.status, 403)
  assert.match(
    page.body,
    /has no second factor yet.*href="https:\/\/auth.example.com\/self-service\/settings\/browser"/,
  )
  assert.ok(!page.body.includes('/login/browser'))
})

test('sends only the credential to the login flow of the same Kratos', async () => {
  const harness = createHandlerHarness({ verdict: AAL1, answer: loginFlow() })
  await authenticate(harness)
  const [call] = harness.requests
  assert.equal(call?.url, 'http://kratos:4433/base/self-service/login/browser?aal=aal2')
  assert.deepEqual(call?.headers, [
    ['accept', 'application/json'],
    ['cookie', 's=x'],
  ])
})

for (const [what, answer] of [
  ['has backup codes', loginFlow('lookup_secret', 'lookup_secret')],
  ['has an authenticator', loginFlow('totp')],
  ['has an unknown method', loginFlow('deviceauthn')],
  ['is unknown, because Kratos does not respond,', { kind: 'failed', cause: 'deadline', message: 'no' }],
  ['is unknown, because Kratos denies,', { ...loginFlow(), status: 401 }],
  ['is unknown, because the response is not JSON,', answered(200, '<html>')],
  ['is unknown, because the flow has no nodes,', answered(200, { ui: {} })],
] as const satisfies readonly (readonly [string, HttpResponse | HttpFailure])[]) {
  test(`redirects a browser whose account ${what} to the flow`, async () => {
    const denial = await authenticate(createHandlerHarness({ verdict: AAL1, answer }))
    assert.deepEqual(denial.hints, { loginQuery: { aal: 'aal2' } })
  })
}

for (const [what, headers, over] of [
  ['a program', [['cookie', 's=x']], {}],
  [
    'a client that accepts anything',
    [
      ['cookie', 's=x'],
      ['accept', '*/*'],
    ],
    {},
  ],
  ['a rule that requires a newer login', BROWSER_HEADERS, { require: { authenticated_within: '1s' } }],
  [
    'a Kratos whose flow URL is unknown',
    BROWSER_HEADERS,
    { check_session_url: 'http://gw/who', kratos: true },
  ],
] as const) {
  test(`does not fetch the flow for ${what}`, async () => {
    const harness = createHandlerHarness({ verdict: AAL1 })
    assert.equal((await authenticate(harness, headers, over)).status, 403)
    assert.equal(harness.requests.length, 0)
  })
}
