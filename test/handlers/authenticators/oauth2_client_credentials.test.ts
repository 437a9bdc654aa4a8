import assert from 'node:assert/strict'
import test from 'node:test'
import { oauth2ClientCredentials } from '../../../src/handlers/authenticators/oauth2_client_credentials.ts'
import { json, oauthWorld, type Replies } from '../../support/oauth_world.ts'
import { requestWith } from '../../support/request.ts'
import { build } from '../../support/services.ts'

const URLS = { token_url: 'http://id/token' }
const TOKEN = json({ access_token: 'at', token_type: 'bearer', expires_in: 3600 })
const basic = (credentials: string) => [['Authorization', `Basic ${btoa(credentials)}`]] as const
const as = (credentials: string) => requestWith(basic(credentials))

async function run(config: object, request = as('cli:sec'), reply: Replies[string] = TOKEN) {
  const world = oauthWorld({ '/token': reply })
  return { outcome: await build(oauth2ClientCredentials, { ...URLS, ...config }, world)(request), world }
}
const brief = (outcome: { kind: string; status?: number; code?: string }) =>
  outcome.kind === 'denial' ? `${outcome.status} ${outcome.code}` : outcome.kind

test('a client whose credentials the endpoint accepts is its id, without extra data', async () => {
  const { outcome, world } = await run({ required_scope: ['a', 'b'] })
  assert.deepEqual('extra' in outcome && [outcome.subject, outcome.extra], ['cli', undefined])
  assert.deepEqual(world.calls(), ['/token grant_type=client_credentials&scope=a+b'])
  assert.deepEqual(world.sent[0]?.headers, [
    ['authorization', `Basic ${btoa('cli:sec')}`],
    ['content-type', 'application/x-www-form-urlencoded'],
  ])
})

test('credentials are unescaped for us and escaped again for the endpoint', async () => {
  const { outcome, world } = await run({}, as('a%20b+c:s%2Bc+d'))
  assert.equal('subject' in outcome && outcome.subject, 'a b c')
  assert.deepEqual(world.sent[0]?.headers[0], ['authorization', `Basic ${btoa('a+b+c:s%2Bc+d')}`])
  assert.equal('subject' in (await run({}, as(':s'))).outcome, true)
})

for (const [what, lines] of [
  ['no header', []],
  ['another scheme', [['Authorization', 'Bearer x']]],
  ['no base64', [['Authorization', 'Basic !!']]],
  ['no colon', [['Authorization', `Basic ${btoa('cli')}`]]],
] as const) {
  test(`not responsible: ${what}`, async () => {
    const { outcome, world } = await run({}, requestWith(lines))
    assert.equal(outcome.kind, 'not responsible')
    assert.equal(world.sent.length, 0)
  })
}

test('several credentials, on several lines or joined by a comma, are refused (C13, J4)', async () => {
  const [line] = basic('a:b')
  const both = [...basic('a:b'), ...basic('c:d')]
  for (const lines of [
    both,
    [['Authorization', `${line?.[1]},${line?.[1]}`]],
    [['Authorization', `${line?.[1]}, Bearer x`]],
  ]) {
    const { outcome, world } = await run({}, requestWith(lines as typeof both))
    assert.equal(brief(outcome), '401 ambiguous_credential')
    assert.equal(world.sent.length, 0)
  }
  assert.equal((await run({}, requestWith([...basic('a:b'), ...basic('a:b')]))).outcome.kind, 'identity')
})

test('a bad escape is a bad credential', async () => {
  for (const credentials of ['a%2:b', 'a:b%zz']) {
    assert.equal(brief((await run({}, as(credentials))).outcome), '401 credential_rejected')
  }
})

/** */
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
  ['no token', json({ foo: 1 }), '503 unavailable'],
  ['an empty token', json({ access_token: '' }), '503 unavailable'],
  ['a token that is a number', json({ access_token: 1 }), '503 unavailable'],
  ['a token beside an error', json({ access_token: 'x', error: 'no' }), '401 credential_rejected'],
  ['a token with half a second', json({ access_token: 'x', expires_in: 1.5 }), '503 unavailable'],
  ['a token with an empty time', json({ access_token: 'x', expires_in: '' }), '503 unavailable'],
  ['a token without a time', json({ access_token: 'x', expires_in: null, error: '' }), 'identity'],
  ['a token in capitals', json({ Access_Token: 'x' }), 'identity'],
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
  ['201', json({ access_token: 'x' }, 201), 'identity'],
] as const) {
  test(`an endpoint that answers ${what}: ${expected}`, async () => {
    assert.equal(brief((await run({}, as('cli:sec'), reply)).outcome), expected)
  })
}

/** Calls made for two equal requests with this many ms between. */
async function calls(cache: object | undefined, token: object, pause: number): Promise<number> {
  const world = oauthWorld({ '/token': json({ access_token: 'at', ...token }) })
  const authenticate = build(oauth2ClientCredentials, { ...URLS, ...(cache && { cache }) }, world)
  await authenticate(as('cli:sec'))
  world.clock.pass(pause)
  assert.equal((await authenticate(as('cli:sec'))).kind, 'identity')
  return world.sent.length
}

test('credentials are believed as long as the token is good, and as long as the rule says', async () => {
  assert.equal(await calls(undefined, { expires_in: 60 }, 0), 2)
  assert.equal(await calls({ enabled: false }, { expires_in: 60 }, 0), 2)
  assert.equal(await calls({ enabled: true }, { expires_in: 60 }, 59_000), 1)
  assert.equal(await calls({ enabled: true }, { expires_in: '60' }, 59_000), 1)
  assert.equal(await calls({ enabled: true }, { expires_in: 60 }, 60_000), 2)
  assert.equal(await calls({ enabled: true, ttl: '5s' }, { expires_in: 60 }, 4_000), 1)
  assert.equal(await calls({ enabled: true, ttl: '5s' }, { expires_in: 60 }, 5_000), 2)
  assert.equal(await calls({ enabled: true }, {}, 3_599_000), 1)
  assert.equal(await calls({ enabled: true }, {}, 3_600_000), 2)
  assert.equal(await calls({ enabled: true, ttl: '60s' }, {}, 0), 2)
})

test('other credentials, scopes or endpoints are asked for anew (C4), refusals each time', async () => {
  const world = oauthWorld({ '/token': TOKEN, '/other': TOKEN, '/no': { status: 401 } })
  const cached = { ...URLS, cache: { enabled: true } }
  const authenticate = build(oauth2ClientCredentials, cached, world)
  await authenticate(as('cli:sec'))
  const hit = authenticate(as('cli:sec'))
  assert.deepEqual(!(hit instanceof Promise) && hit.kind === 'identity' && hit.notes, { cache: 'hit' })
  await authenticate(as('cli:se'))
  await authenticate(as('cl:isec'))
  await build(oauth2ClientCredentials, { ...cached, required_scope: ['a'] }, world)(as('cli:sec'))
  await build(oauth2ClientCredentials, { ...cached, token_url: 'http://id/other' }, world)(as('cli:sec'))
  assert.equal(world.sent.length, 5)
  const refused = build(oauth2ClientCredentials, { ...cached, token_url: 'http://id/no' }, world)
  await refused(as('cli:sec'))
  await refused(as('cli:sec'))
  assert.equal(world.sent.length, 7)
})

test('no denial quotes the credentials or what the endpoint said', async () => {
  for (const reply of [
    { status: 401, body: 'canary' },
    { status: 503, body: 'canary' },
    { body: 'canary' },
  ]) {
    const { outcome } = await run({}, as('canary:canary'), reply)
    assert.equal(outcome.kind, 'denial')
    assert.doesNotMatch(JSON.stringify(outcome), /canary/)
  }
})

test('an address that cannot be called, and unknown keys, are refused at load', () => {
  assert.throws(() => build(oauth2ClientCredentials, { token_url: 'c' }, oauthWorld()))
  assert.throws(() => build(oauth2ClientCredentials, { ...URLS, retries: {} }, oauthWorld()))
  assert.throws(() => build(oauth2ClientCredentials, { ...URLS, retry: { max_delay: '1.5s' } }, oauthWorld()))
})
