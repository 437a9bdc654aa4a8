import assert from 'node:assert/strict'
import test from 'node:test'
import { oauth2ClientCredentials } from '../../../src/handlers/authenticators/oauth2_client_credentials.ts'
import { buildHandler } from '../../support/handler_harness.ts'
import { createOAuthHarness, jsonReply, type Replies } from '../../support/oauth_harness.ts'
import { requestWith } from '../../support/request.ts'

const CONFIG = { token_url: 'http://id/token' }
const TOKEN = jsonReply({ access_token: 'at', token_type: 'bearer', expires_in: 3600 })
const basic = (credentials: string) => [['Authorization', `Basic ${btoa(credentials)}`]] as const
const requestAs = (credentials: string) => requestWith(basic(credentials))

async function authenticate(config: object, request = requestAs('cli:sec'), reply: Replies[string] = TOKEN) {
  const harness = createOAuthHarness({ '/token': reply })
  return {
    outcome: await buildHandler(oauth2ClientCredentials, { ...CONFIG, ...config }, harness)(request),
    harness,
  }
}
const summarize = (outcome: { kind: string; status?: number; code?: string }) =>
  outcome.kind === 'denial' ? `${outcome.status} ${outcome.code}` : outcome.kind

test('the subject is the id of the client, without extra data', async () => {
  const { outcome, harness } = await authenticate({ required_scope: ['a', 'b'] })
  assert.deepEqual('extra' in outcome && [outcome.subject, outcome.extra], ['cli', undefined])
  assert.deepEqual(harness.calls(), ['/token grant_type=client_credentials&scope=a+b'])
  assert.deepEqual(harness.requests[0]?.headers, [
    ['authorization', `Basic ${btoa('cli:sec')}`],
    ['content-type', 'application/x-www-form-urlencoded'],
  ])
})

test('decodes the credentials, and encodes them again for the endpoint', async () => {
  const { outcome, harness } = await authenticate({}, requestAs('a%20b+c:s%2Bc+d'))
  assert.equal('subject' in outcome && outcome.subject, 'a b c')
  assert.deepEqual(harness.requests[0]?.headers[0], ['authorization', `Basic ${btoa('a+b+c:s%2Bc+d')}`])
  assert.equal('subject' in (await authenticate({}, requestAs(':s'))).outcome, true)
})

for (const [what, lines] of [
  ['no header', []],
  ['another scheme', [['Authorization', 'Bearer x']]],
  ['no base64', [['Authorization', 'Basic !!']]],
  ['no colon', [['Authorization', `Basic ${btoa('cli')}`]]],
] as const) {
  test(`does not apply: ${what}`, async () => {
    const { outcome, harness } = await authenticate({}, requestWith(lines))
    assert.equal(outcome.kind, 'not responsible')
    assert.equal(harness.requests.length, 0)
  })
}

test('denies several credentials, on several lines or joined with a comma (C13, J4)', async () => {
  const [line] = basic('a:b')
  const both = [...basic('a:b'), ...basic('c:d')]
  for (const lines of [
    both,
    [['Authorization', `${line?.[1]},${line?.[1]}`]],
    [['Authorization', `${line?.[1]}, Bearer x`]],
  ]) {
    const { outcome, harness } = await authenticate({}, requestWith(lines as typeof both))
    assert.equal(summarize(outcome), '401 ambiguous_credential')
    assert.equal(harness.requests.length, 0)
  }
  assert.equal(
    (await authenticate({}, requestWith([...basic('a:b'), ...basic('a:b')]))).outcome.kind,
    'identity',
  )
})

test('rejects credentials with an invalid escape', async () => {
  for (const credentials of ['a%2:b', 'a:b%zz']) {
    assert.equal(
      summarize((await authenticate({}, requestAs(credentials))).outcome),
      '401 credential_rejected',
    )
  }
})

/** Outcomes as in Oathkeeper. */
for (const [what, reply, expected] of [
  ['400', { status: 400 }, '401 credential_rejected'],
  ['401', { status: 401 }, '401 credential_rejected'],
  ['403', { status: 403 }, '401 credential_rejected'],
  ['302', { status: 302 }, '401 credential_rejected'],
  ['502', { status: 502 }, '401 credential_rejected'],
  ['404', { status: 404 }, '404 bad_answer'],
  ['500', { status: 500 }, '500 bad_answer'],
  ['503', { status: 503 }, '503 unavailable'],
  ['504', { status: 504 }, '504 bad_answer'],
  ['429', { status: 429 }, '429 rate_limited'],
  ['no token', jsonReply({ foo: 1 }), '503 unavailable'],
  ['an empty token', jsonReply({ access_token: '' }), '503 unavailable'],
  ['a token that is a number', jsonReply({ access_token: 1 }), '503 unavailable'],
  ['a token beside an error', jsonReply({ access_token: 'x', error: 'no' }), '401 credential_rejected'],
  [
    'a token with a fraction of a second',
    jsonReply({ access_token: 'x', expires_in: 1.5 }),
    '503 unavailable',
  ],
  ['a token with an empty expires_in', jsonReply({ access_token: 'x', expires_in: '' }), '503 unavailable'],
  ['a token without expires_in', jsonReply({ access_token: 'x', expires_in: null, error: '' }), 'identity'],
  ['a token in upper case', jsonReply({ Access_Token: 'x' }), 'identity'],
  ['no JSON', { body: '<html>' }, '503 unavailable'],
  ['nothing', { kind: 'failed', cause: 'connect', message: 'no connection' }, '503 unavailable'],
  [
    'a form',
    { body: 'access_token=x&token_type=b', headers: [['content-type', 'application/x-www-form-urlencoded']] },
    'identity',
  ],
  [
    'a form as plain text',
    { body: 'access_token=x', headers: [['content-type', 'text/plain; charset=x']] },
    'identity',
  ],
  ['201', jsonReply({ access_token: 'x' }, 201), 'identity'],
] as const) {
  test(`an endpoint that responds with ${what}: ${expected}`, async () => {
    assert.equal(summarize((await authenticate({}, requestAs('cli:sec'), reply)).outcome), expected)
  })
}

/** Number of calls for two equal requests, `pauseMs` apart. */
async function countCalls(cache: object | undefined, token: object, pauseMs: number): Promise<number> {
  const harness = createOAuthHarness({ '/token': jsonReply({ access_token: 'at', ...token }) })
  const authenticate = buildHandler(oauth2ClientCredentials, { ...CONFIG, ...(cache && { cache }) }, harness)
  await authenticate(requestAs('cli:sec'))
  harness.clock.advance(pauseMs)
  assert.equal((await authenticate(requestAs('cli:sec'))).kind, 'identity')
  return harness.requests.length
}

test('caches credentials until the token expires or the maximum age of the rule passes', async () => {
  assert.equal(await countCalls(undefined, { expires_in: 60 }, 0), 2)
  assert.equal(await countCalls({ enabled: false }, { expires_in: 60 }, 0), 2)
  assert.equal(await countCalls({ enabled: true }, { expires_in: 60 }, 59_000), 1)
  assert.equal(await countCalls({ enabled: true }, { expires_in: '60' }, 59_000), 1)
  assert.equal(await countCalls({ enabled: true }, { expires_in: 60 }, 60_000), 2)
  assert.equal(await countCalls({ enabled: true, ttl: '5s' }, { expires_in: 60 }, 4_000), 1)
  assert.equal(await countCalls({ enabled: true, ttl: '5s' }, { expires_in: 60 }, 5_000), 2)
  assert.equal(await countCalls({ enabled: true }, {}, 3_599_000), 1)
  assert.equal(await countCalls({ enabled: true }, {}, 3_600_000), 2)
  assert.equal(await countCalls({ enabled: true, ttl: '60s' }, {}, 0), 2)
})

test('other credentials, scopes or endpoints are separate cache entries (C4), and rejections last a second', async () => {
  const harness = createOAuthHarness({ '/token': TOKEN, '/other': TOKEN, '/no': { status: 401 } })
  const cached = { ...CONFIG, cache: { enabled: true } }
  const authenticate = buildHandler(oauth2ClientCredentials, cached, harness)
  await authenticate(requestAs('cli:sec'))
  const hit = authenticate(requestAs('cli:sec'))
  assert.deepEqual(!(hit instanceof Promise) && hit.kind === 'identity' && hit.annotations, { cache: 'hit' })
  await authenticate(requestAs('cli:se'))
  await authenticate(requestAs('cl:isec'))
  await buildHandler(
    oauth2ClientCredentials,
    { ...cached, required_scope: ['a'] },
    harness,
  )(requestAs('cli:sec'))
  await buildHandler(
    oauth2ClientCredentials,
    { ...cached, token_url: 'http://id/other' },
    harness,
  )(requestAs('cli:sec'))
  assert.equal(harness.requests.length, 5)
  const refused = buildHandler(oauth2ClientCredentials, { ...cached, token_url: 'http://id/no' }, harness)
  await refused(requestAs('cli:sec'))
  harness.clock.advance(1_000)
  await refused(requestAs('cli:sec'))
  assert.equal(harness.requests.length, 7)
})

test('no denial quotes the credentials or the response of the endpoint', async () => {
  for (const reply of [
    { status: 401, body: 'canary' },
    { status: 503, body: 'canary' },
    { body: 'canary' },
  ]) {
    const { outcome } = await authenticate({}, requestAs('canary:canary'), reply)
    assert.equal(outcome.kind, 'denial')
    assert.doesNotMatch(JSON.stringify(outcome), /canary/)
  }
})

test('rejects an invalid URL and unknown keys', () => {
  assert.throws(() => buildHandler(oauth2ClientCredentials, { token_url: 'c' }, createOAuthHarness()))
  assert.throws(() => buildHandler(oauth2ClientCredentials, { ...CONFIG, retries: {} }, createOAuthHarness()))
  assert.throws(() =>
    buildHandler(oauth2ClientCredentials, { ...CONFIG, retry: { max_delay: '1.5s' } }, createOAuthHarness()),
  )
})
