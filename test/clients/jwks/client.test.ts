import assert from 'node:assert/strict'
import { createPublicKey, verify as verifyBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, type TestContext } from 'node:test'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import { createJwksClient, type JwksClient } from '../../../src/clients/jwks/client.ts'
import type { JwksProblem } from '../../../src/clients/jwks/remote_jwk_set.ts'
import type { VerifyResult } from '../../../src/clients/jwks/verify.ts'
import { createObjectStoreClient } from '../../../src/clients/objects/client.ts'
import { type Instant, millis } from '../../../src/lib/time.ts'
import { fakeClock, realClock, seconds } from '../../support/clock.ts'
import {
  type FakeJwksHost,
  signTestToken,
  signTestTokenText,
  startJwksHost,
  type TestKey,
  testKey,
} from '../../support/jwks_host.ts'
import { startObjectStore } from '../../support/object_store.ts'

const http = createHttpClient({ clock: realClock })
after(() => http.close())

const RSA = testKey('RSA', { kid: 'rsa', use: 'sig' })
const P256 = testKey('P-256', { kid: 'p256', use: 'sig' })
const P384 = testKey('P-384', { kid: 'p384', use: 'sig' })
const P521 = testKey('P-521', { kid: 'p521', use: 'sig' })
const ED = testKey('Ed25519', { kid: 'ed', use: 'sig' })
const SECRET = testKey('oct', { kid: 'hs', use: 'sig' })
const ALL_KEYS = [RSA, P256, P384, P521, ED, SECRET]
const ALL_ALGORITHMS = ['RS', 'PS', 'ES', 'HS'].flatMap(family =>
  ['256', '384', '512'].map(bits => family + bits),
)
const CLAIMS = { sub: 'sam', exp: 4_102_444_800 }
const NEVER = Number.POSITIVE_INFINITY as Instant

interface JwksHarness {
  readonly keys: JwksClient
  readonly clock: ReturnType<typeof fakeClock>
  readonly problems: JwksProblem[]
  verify(token: string, urls: readonly string[], algorithms?: readonly string[]): Promise<VerifyResult>
}

function createHarness(times: { ttl?: number; maxWait?: number } = {}): JwksHarness {
  const clock = fakeClock()
  const problems: JwksProblem[] = []
  const keys = createJwksClient({
    clock,
    fetch: http.send,
    directory: tmpdir(),
    options: { ttl: seconds(times.ttl ?? 30), maxWait: millis(times.maxWait ?? 1_000) },
    secret: Buffer.from('secret of a test'),
    maxEntries: 100,
    maxBytes: 1e6,
    onProblem: problem => problems.push(problem),
  })
  return {
    keys,
    clock,
    problems,
    verify: async (token, urls, algorithms = [...ALL_ALGORITHMS, 'EdDSA', 'none']) =>
      keys.verify({ token, urls, algorithms: new Set(algorithms), deadline: NEVER }),
  }
}

async function startHost(t: TestContext, keys: readonly object[]): Promise<FakeJwksHost & { jwks: string }> {
  const one = await startJwksHost(keys)
  t.after(() => one.close())
  return { ...one, jwks: `${one.url}/jwks` }
}

const publicJwks = (keys: readonly TestKey[]) => keys.map(key => key.public)
const rs256 = (kid: string, key: TestKey, claims: object = CLAIMS) =>
  signTestToken({ alg: 'RS256', kid }, claims, key.signingKey)

test('verifies every algorithm with the type of key that it requires', async t => {
  const { jwks, callCount: calls } = await startHost(t, publicJwks(ALL_KEYS))
  const { verify } = createHarness()
  const kids: Record<string, TestKey> = { RS: RSA, PS: RSA, HS: SECRET, Ed: ED }
  const curves: Record<string, TestKey> = { ES256: P256, ES384: P384, ES512: P521 }
  for (const alg of [...ALL_ALGORITHMS, 'EdDSA']) {
    const key = curves[alg] ?? (kids[alg.slice(0, 2)] as TestKey)
    const answer = await verify(signTestToken({ alg, kid: key.public.kid }, CLAIMS, key.signingKey), [jwks])
    assert.deepEqual(answer, { kind: 'verified', claims: CLAIMS, cached: false }, alg)
  }
  assert.equal(calls(), 1)
})

/** Tokens to reject: what is wrong, and the token (C12, C14). */
const pem = createPublicKey({ key: RSA.public as never, format: 'jwk' }).export({
  type: 'spki',
  format: 'pem',
})
const FORGERIES: readonly (readonly [what: string, token: () => string])[] = [
  [
    'alg none without signature',
    () => signTestToken({ alg: 'none', kid: 'rsa' }, CLAIMS, RSA.signingKey, 'RS256').replace(/[^.]*$/, ''),
  ],
  [
    'alg none with signature',
    () => signTestToken({ alg: 'none', kid: 'rsa' }, CLAIMS, RSA.signingKey, 'RS256'),
  ],
  ['alg None', () => signTestToken({ alg: 'None', kid: 'rsa' }, CLAIMS, RSA.signingKey, 'RS256')],
  [
    'HS256 with the RSA public key as secret (PEM)',
    () => signTestToken({ alg: 'HS256', kid: 'rsa' }, CLAIMS, Buffer.from(pem)),
  ],
  [
    'HS256 with the modulus as secret',
    () =>
      signTestToken({ alg: 'HS256', kid: 'rsa' }, CLAIMS, Buffer.from(RSA.public.n as string, 'base64url')),
  ],
  ['HS256 with an empty secret', () => signTestToken({ alg: 'HS256', kid: 'rsa' }, CLAIMS, Buffer.alloc(0))],
  ['alg as an array', () => signTestToken({ alg: ['RS256'], kid: 'rsa' }, CLAIMS, RSA.signingKey, 'RS256')],
  ['alg as a number', () => signTestToken({ alg: 256, kid: 'rsa' }, CLAIMS, RSA.signingKey, 'RS256')],
  ['missing alg', () => signTestToken({ kid: 'rsa' }, CLAIMS, RSA.signingKey, 'RS256')],
  [
    'an algorithm of the wrong curve',
    () => signTestToken({ alg: 'ES256', kid: 'p384' }, CLAIMS, P384.signingKey),
  ],
  [
    'an RSA algorithm with an EC key',
    () => signTestToken({ alg: 'RS256', kid: 'p256' }, CLAIMS, RSA.signingKey),
  ],
  [
    'a logout token',
    () => signTestToken({ alg: 'RS256', kid: 'rsa', typ: 'logout+jwt' }, CLAIMS, RSA.signingKey),
  ],
  [
    'a typ that is not a string',
    () => signTestToken({ alg: 'RS256', kid: 'rsa', typ: 1 }, CLAIMS, RSA.signingKey),
  ],
  [
    'an unknown crit',
    () => signTestToken({ alg: 'RS256', kid: 'rsa', crit: ['x'], x: 1 }, CLAIMS, RSA.signingKey),
  ],
  [
    'crit of exp',
    () => signTestToken({ alg: 'RS256', kid: 'rsa', crit: ['exp'], exp: 1 }, CLAIMS, RSA.signingKey),
  ],
  ['an empty crit', () => signTestToken({ alg: 'RS256', kid: 'rsa', crit: [] }, CLAIMS, RSA.signingKey)],
  [
    'b64 false',
    () => signTestToken({ alg: 'RS256', kid: 'rsa', crit: ['b64'], b64: false }, CLAIMS, RSA.signingKey),
  ],
  [
    'b64 false without crit',
    () => signTestToken({ alg: 'RS256', kid: 'rsa', b64: false }, CLAIMS, RSA.signingKey),
  ],
  ['zip', () => signTestToken({ alg: 'RS256', kid: 'rsa', zip: 'DEF' }, CLAIMS, RSA.signingKey)],
  ['enc', () => signTestToken({ alg: 'RS256', kid: 'rsa', enc: 'A128GCM' }, CLAIMS, RSA.signingKey)],
  ['a JWE of five parts', () => 'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d'],
  ['no kid', () => signTestToken({ alg: 'RS256' }, CLAIMS, RSA.signingKey)],
  ['an empty kid', () => signTestToken({ alg: 'RS256', kid: '' }, CLAIMS, RSA.signingKey)],
  ['a kid that is a number', () => signTestToken({ alg: 'RS256', kid: 1 }, CLAIMS, RSA.signingKey)],
  ['a kid of 10 KiB', () => rs256('k'.repeat(10_240), RSA)],
  ['a kid that is a path', () => rs256('../../dev/null', RSA)],
  ['a kid of Object.prototype', () => rs256('__proto__', RSA)],
  [
    'its own key in the header',
    () =>
      signTestToken(
        { alg: 'RS256', kid: 'mine', jwk: SAME_KID_KEY.public, jku: 'http://127.0.0.1:1/' },
        CLAIMS,
        SAME_KID_KEY.signingKey,
      ),
  ],
  ['another key under a known kid', () => rs256('rsa', SAME_KID_KEY)],
  [
    'a changed payload',
    () => rs256('rsa', RSA).replace(/\.[^.]*\./, `.${btoa('{"sub":"root"}').replace(/=+$/, '')}.`),
  ],
  ['a payload that is an array', () => signTestToken({ alg: 'RS256', kid: 'rsa' }, [1], RSA.signingKey)],
  ['a payload with an invalid number', () => signedText('rsa', '{"exp":1e999}')],
  ['a payload that is too deep', () => signedText('rsa', '['.repeat(5_000) + ']'.repeat(5_000))],
  ['a token with spaces', () => ` ${rs256('rsa', RSA)}`],
  ['a token with padding', () => rs256('rsa', RSA).replace('.', '=.')],
  ['a key without use', () => rs256('nouse', NO_USE)],
  ['a key for encryption', () => rs256('enc', ENCRYPTION_KEY)],
  ['a weak key', () => rs256('weak', WEAK_KEY)],
  [
    'a key with another algorithm',
    () => signTestToken({ alg: 'RS512', kid: 'rs256' }, CLAIMS, ONLY_RS256.signingKey),
  ],
  ['a short secret', () => signTestToken({ alg: 'HS256', kid: 'short' }, CLAIMS, Buffer.from('short'))],
]
const SAME_KID_KEY = testKey('RSA', { kid: 'mine', use: 'sig' })
const NO_USE = testKey('RSA', { kid: 'nouse' })
const ENCRYPTION_KEY = testKey('RSA', { kid: 'enc', use: 'enc' })
const WEAK_KEY = testKey('RSA-1024', { kid: 'weak', use: 'sig' })
const ONLY_RS256 = testKey('RSA', { kid: 'rs256', use: 'sig', alg: 'RS256' })
const SHORT_SECRET = { kty: 'oct', kid: 'short', use: 'sig', k: Buffer.from('short').toString('base64url') }

const signedText = (kid: string, payload: string) =>
  signTestTokenText(JSON.stringify({ alg: 'RS256', kid }), payload, RSA.signingKey, 'RS256')

test('rejects every token with a bad header, key or signature', async t => {
  const { jwks } = await startHost(t, [
    ...publicJwks([...ALL_KEYS, NO_USE, ENCRYPTION_KEY, WEAK_KEY, ONLY_RS256]),
    SHORT_SECRET,
  ])
  const { verify, clock } = createHarness()
  for (const [what, token] of FORGERIES) {
    clock.advance(60_000)
    assert.equal((await verify(token(), [jwks])).kind, 'refused', what)
  }
  assert.equal((await verify(rs256('rsa', RSA), [jwks])).kind, 'verified')
})

const HEADER_TYPES = ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'id+jwt', undefined]
test('accepts the usual token types and none, and ignores jku, x5u and x5c (C14)', async t => {
  const { jwks } = await startHost(t, publicJwks([RSA]))
  const { verify } = createHarness()
  for (const typ of HEADER_TYPES) {
    const header = { alg: 'RS256', kid: 'rsa', jku: 'http://127.0.0.1:1/', x5c: ['x'], ...(typ && { typ }) }
    assert.equal(
      (await verify(signTestToken(header, CLAIMS, RSA.signingKey), [jwks])).kind,
      'verified',
      typ ?? 'none',
    )
  }
})

test('accepts only the algorithms of the rule, and fetches no key set for others (C12)', async t => {
  const { jwks, callCount: calls } = await startHost(t, publicJwks(ALL_KEYS))
  const { verify } = createHarness()
  const token = signTestToken({ alg: 'ES256', kid: 'p256' }, CLAIMS, P256.signingKey)
  assert.equal((await verify(token, [jwks], ['RS256'])).kind, 'refused')
  assert.equal(calls(), 0)
  assert.equal((await verify(token, [jwks], ['ES256'])).kind, 'verified')
  assert.equal(
    (await verify(token, [jwks], ['RS256'])).kind,
    'refused',
    'a cached result of one rule does not serve another rule',
  )
})

test('a null payload has no claims, and a private key verifies like its public half', async t => {
  const { jwks } = await startHost(t, [RSA.private])
  const { verify } = createHarness()
  assert.deepEqual(await verify(signTestToken({ alg: 'RS256', kid: 'rsa' }, null, RSA.signingKey), [jwks]), {
    kind: 'verified',
    claims: {},
    cached: false,
  })
})

test('of several keys of one kid the matching one is used', async t => {
  const twins = [testKey('RSA', { kid: 'x', use: 'enc' }), testKey('P-256', { kid: 'x', use: 'sig' })]
  const rsa = testKey('RSA', { kid: 'x', use: 'sig' })
  const { jwks } = await startHost(t, publicJwks([...twins, rsa]))
  assert.equal((await createHarness().verify(rs256('x', rsa), [jwks])).kind, 'verified')
})

test('caches a verified token while its key is in the set', async t => {
  const one = await startHost(t, publicJwks([RSA, P256]))
  const { keys, clock, verify } = createHarness()
  const question = { urls: [one.jwks], algorithms: new Set(['RS256']), deadline: NEVER }
  const token = rs256('rsa', RSA)
  assert.equal((await verify(token, [one.jwks], ['RS256'])).kind, 'verified')
  const hit = keys.verify({ ...question, token })
  assert.ok(!(hit instanceof Promise))
  assert.deepEqual(hit, { kind: 'verified', claims: CLAIMS, cached: true })
  assert.ok(Object.isFrozen(hit.kind === 'verified' && hit.claims))

  // A refresh keeps cached tokens of keys that are still in the set, and drops the others (C16).
  clock.advance(31_000)
  assert.ok(!(keys.verify({ ...question, token }) instanceof Promise))
  await waitUntil(() => one.callCount() === 2)
  assert.ok(!(keys.verify({ ...question, token }) instanceof Promise), 'still cached after the refresh')
  one.serve(publicJwks([P256]))
  clock.advance(61_000)
  assert.equal((await verify(token, [one.jwks], ['RS256'])).kind, 'refused')
  assert.equal(one.callCount(), 3)
})

test('refreshes a stale set in the background; a removed key stops working after at most twice the ttl', async t => {
  const one = await startHost(t, publicJwks([RSA]))
  const { verify, clock } = createHarness()
  await verify(rs256('rsa', RSA), [one.jwks])
  one.serve([])
  one.serve(publicJwks([P256]))
  clock.advance(40_000)
  assert.equal((await verify(rs256('rsa', RSA, { n: 1 }), [one.jwks])).kind, 'verified')
  await waitUntil(() => one.callCount() === 2)
  await settle()
  assert.equal((await verify(rs256('rsa', RSA, { n: 1 }), [one.jwks])).kind, 'refused')
})

test('finds a new key at once, and unknown kids cause one refresh per cooldown (C15, C16)', async t => {
  const one = await startHost(t, publicJwks([RSA]))
  const { verify, clock } = createHarness()
  await verify(rs256('rsa', RSA), [one.jwks])
  const fresh = testKey('RSA', { kid: 'new', use: 'sig' })
  one.serve(publicJwks([RSA, fresh]))
  assert.equal((await verify(rs256('new', fresh), [one.jwks])).kind, 'verified')
  assert.equal(one.callCount(), 2)
  for (let i = 0; i < 50; i++) await verify(rs256(`random-${i}`, SAME_KID_KEY), [one.jwks])
  assert.equal(one.callCount(), 2)
  clock.advance(5_001)
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => verify(rs256(`again-${i}`, SAME_KID_KEY), [one.jwks])),
  )
  assert.equal(one.callCount(), 3)
  // The same unknown kid causes no further refresh, even after the cooldown.
  clock.advance(5_001)
  await verify(rs256('again-0', SAME_KID_KEY), [one.jwks])
  assert.equal(one.callCount(), 3)
})

test('an unknown kid causes no refresh for 30 seconds (C15)', async t => {
  const one = await startHost(t, publicJwks([RSA]))
  const { verify, clock } = createHarness({ ttl: 600 })
  const late = testKey('RSA', { kid: 'late', use: 'sig' })
  assert.equal((await verify(rs256('late', late), [one.jwks])).kind, 'refused')
  one.serve(publicJwks([RSA, late]))
  clock.advance(29_000)
  assert.equal((await verify(rs256('late', late), [one.jwks])).kind, 'refused')
  assert.equal(one.callCount(), 1)
  clock.advance(1_001)
  assert.equal((await verify(rs256('late', late), [one.jwks])).kind, 'verified')
})

test('during an outage of the host requests use the stale set without waiting (C17)', async t => {
  const one = await startHost(t, publicJwks([RSA]))
  const { verify, keys, clock, problems } = createHarness()
  const question = {
    token: rs256('rsa', RSA),
    urls: [one.jwks],
    algorithms: new Set(['RS256']),
    deadline: NEVER,
  }
  assert.equal((await verify(question.token, question.urls, ['RS256'])).kind, 'verified')
  one.respondWith(response => response.writeHead(503).end())
  clock.advance(61_000)
  assert.equal((await verify(question.token, question.urls, ['RS256'])).kind, 'verified')
  assert.deepEqual(
    problems.map(({ problem }) => problem),
    ['responded with 503'],
  )
  one.respondWith(() => {})
  clock.advance(2_000)
  assert.ok(!(keys.verify(question) instanceof Promise), 'synchronous while the host hangs')
  clock.advance(60_000)
  assert.ok(keys.verify(question) instanceof Promise, 'later a request waits again')
})

test('a kid that is too long causes no refresh', async t => {
  const one = await startHost(t, publicJwks([RSA]))
  await createHarness().verify(rs256('k'.repeat(300), SAME_KID_KEY), [one.jwks])
  assert.equal(one.callCount(), 0)
})

test('concurrent requests share one fetch', async t => {
  const one = await startHost(t, publicJwks([RSA]))
  const { verify } = createHarness()
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => verify(rs256('rsa', RSA, { n }), [one.jwks])),
  )
  assert.ok(answers.every(answer => answer.kind === 'verified'))
  assert.equal(one.callCount(), 1)
})

test('a dead or hanging URL does not delay a key of another URL (Q-61)', async t => {
  const one = await startHost(t, publicJwks([RSA]))
  const hanging = await startHost(t, [])
  hanging.respondWith(() => {})
  const { verify } = createHarness({ maxWait: 60_000 })
  const urls = ['http://127.0.0.1:1/j', hanging.jwks, one.jwks]
  assert.equal((await verify(rs256('rsa', RSA), urls)).kind, 'verified')
})

test('a request stops waiting for a set at jwks_max_wait or at its own deadline', async t => {
  const hanging = await startHost(t, [])
  hanging.respondWith(() => {})
  const short = createHarness({ maxWait: 30 })
  assert.equal((await short.verify(rs256('rsa', RSA), [hanging.jwks])).kind, 'unavailable')
  const { keys, clock } = createHarness({ maxWait: 60_000 })
  const algorithms = new Set(['RS256'])
  const deadline = (clock.now() + 30) as Instant
  const answer = await keys.verify({ token: rs256('rsa', RSA), urls: [hanging.jwks], algorithms, deadline })
  assert.equal(answer.kind, 'unavailable')
})

/**
 * Responses of a failing host. The last good set stays in use; without one no token can be verified (C17).
 */
const FAILING_RESPONSES: readonly (readonly [string, Parameters<FakeJwksHost['respondWith']>[0]])[] = [
  ['500', response => response.writeHead(500).end('{"keys":[]}')],
  ['an HTML page', response => response.end('<html>')],
  ['no keys', response => response.end('{"keys":[]}')],
  ['keys that are not a list', response => response.end('{"keys":{}}')],
  ['null', response => response.end('null')],
  ['nothing', response => response.end()],
  ['a redirect', response => response.writeHead(302, { location: '/elsewhere' }).end()],
  ['10 MB', response => response.end(Buffer.alloc(10 * 1024 * 1024, ' '))],
]
for (const [what, answer] of FAILING_RESPONSES) {
  test(`a host that responds with ${what} leaves the last good set usable for an hour`, async t => {
    const one = await startHost(t, publicJwks([RSA]))
    const { verify, clock, problems } = createHarness()
    assert.equal((await verify(rs256('rsa', RSA), [one.jwks])).kind, 'verified')
    one.respondWith(answer)
    for (let minute = 10; minute < 60; minute += 10) {
      clock.advance(600_000)
      assert.equal((await verify(rs256('rsa', RSA, { minute }), [one.jwks])).kind, 'verified')
    }
    assert.ok(problems.length > 0)
    assert.ok(problems.every(({ source }) => source === one.jwks))
    clock.advance(600_000)
    assert.equal((await verify(rs256('rsa', RSA), [one.jwks])).kind, 'unavailable')
    one.serve(publicJwks([RSA]))
    clock.advance(1_001)
    assert.equal((await verify(rs256('rsa', RSA), [one.jwks])).kind, 'verified')
  })
}

test('a failed fetch is not repeated for a second', async t => {
  const one = await startHost(t, [])
  one.respondWith(response => response.writeHead(503).end())
  const { verify, clock, keys } = createHarness()
  for (let n = 0; n < 5; n++)
    assert.equal((await verify(rs256('rsa', RSA, { n }), [one.jwks])).kind, 'unavailable')
  assert.equal(one.callCount(), 1)
  clock.advance(1_001)
  await verify(rs256('rsa', RSA), [one.jwks])
  assert.equal(one.callCount(), 2)
  assert.equal(await keys.publicKeys([one.jwks]), undefined)
  assert.equal((await keys.issue(issueRequest(one.jwks))).kind, 'fault')
  assert.equal(one.callCount(), 2)
})

test('reads sets from files and inline URLs, and reloads a changed file', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'keys-'))
  t.after(() => rm(directory, { recursive: true }))
  const path = join(directory, 'a set.json')
  await writeFile(path, JSON.stringify({ keys: publicJwks([RSA]) }))
  const inline = `inline://${Buffer.from(JSON.stringify({ keys: publicJwks([P256]) })).toString('base64')}`
  const { verify, clock, problems } = createHarness()
  const file = `file://${path.replace(' ', '%20')}`
  assert.equal((await verify(rs256('rsa', RSA), [file, inline])).kind, 'verified')
  assert.equal(
    (await verify(signTestToken({ alg: 'ES256', kid: 'p256' }, CLAIMS, P256.signingKey), [file, inline]))
      .kind,
    'verified',
  )
  await writeFile(path, JSON.stringify({ keys: publicJwks([SAME_KID_KEY]) }))
  clock.advance(60_001)
  assert.equal((await verify(rs256('mine', SAME_KID_KEY), [file])).kind, 'verified')
  for (const url of [
    'file:///no/such/file',
    `file://${directory}`,
    'inline://%',
    's3://bucket/set',
    'nonsense',
  ]) {
    assert.equal((await verify(rs256('rsa', RSA), [url])).kind, 'unavailable', url)
  }
  assert.equal(problems.length, 5)
})

test('sends the credentials of a URL to the host and keeps them out of messages', async t => {
  let authorization: string | undefined
  const one = await startHost(t, [])
  one.respondWith(response => {
    authorization = response.req.headers.authorization
    response.writeHead(403).end()
  })
  const { verify, problems } = createHarness()
  const answer = await verify(rs256('rsa', RSA), [
    `${one.jwks.replace('//', '//user:secret-1@')}?key=secret-2`,
  ])
  assert.equal(authorization, `Basic ${btoa('user:secret-1')}`)
  assert.doesNotMatch(JSON.stringify([answer, problems]), /secret/)
})

const waitUntil = async (done: () => boolean): Promise<void> => {
  for (let tries = 0; !done(); tries++) {
    assert.ok(tries < 1_000, 'the condition did not become true')
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  await settle()
}
const settle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 20))

// --- issued tokens ---

const inlineSet = (keys: readonly object[]) =>
  `inline://${Buffer.from(JSON.stringify({ keys })).toString('base64')}`
const issueRequest = (url: string, more: object = {}) => ({
  url,
  issuer: 'http://iss/',
  subject: 'sam',
  ttl: seconds(900),
  claims: { aud: ['x'], sub: 'evil', jti: 'mine' },
  renderedClaims: 'a',
  reuse: true,
  ...more,
})

async function issueToken(keys: JwksClient, what: ReturnType<typeof issueRequest>) {
  const answer = await keys.issue(what)
  if (answer.kind === 'fault') return answer
  const [header = '', payload = '', signature = ''] = answer.token.split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { ...answer, header: read(header), claims: read(payload), input: `${header}.${payload}`, signature }
}

const SIGNING: readonly (readonly [alg: string, key: TestKey])[] = [
  ['RS256', RSA],
  ['PS512', RSA],
  ['ES256', P256],
  ['ES384', P384],
  ['ES512', P521],
  ['EdDSA', ED],
  ['HS256', SECRET],
]
for (const [alg, key] of SIGNING) {
  test(`a token is signed with ${alg}, and the registered claims overwrite those of the template`, async () => {
    const { keys, clock, verify } = createHarness()
    const set = inlineSet([{ ...key.private, alg, kid: 'mine' }])
    const answer = await issueToken(keys, issueRequest(set))
    assert.ok('claims' in answer)
    const { jti, ...claims } = answer.claims
    const iat = Math.floor(clock.wall() / 1000)
    assert.deepEqual(answer.header, { alg, typ: 'JWT', kid: 'mine' })
    assert.deepEqual(claims, { aud: ['x'], exp: iat + 900, iat, nbf: iat, iss: 'http://iss/', sub: 'sam' })
    assert.match(jti, /^[0-9a-f-]{36}$/)
    assert.equal((await verify(answer.token, [set])).kind, 'verified')
    if (alg === 'RS256') {
      const handle = createPublicKey({ key: key.public as never, format: 'jwk' })
      assert.ok(
        verifyBytes('sha256', Buffer.from(answer.input), handle, Buffer.from(answer.signature, 'base64url')),
      )
    }
  })
}

const privateJwk = (key: TestKey, kid: string) => ({ ...key.private, alg: 'ES256', kid })
const publicJwk = (key: TestKey, kid: string) => ({ ...key.public, alg: 'ES256', kid })
const OTHER_EC = testKey('P-256', { use: 'sig' })
/** Key sets, and the kid in the header of the issued token. */
const SIGNING_KEY_CASES: readonly (readonly [what: string, keys: readonly object[], kid: string])[] = [
  ['the kid of the public half before the key', [publicJwk(P256, 'pub'), privateJwk(P256, 'priv')], 'pub'],
  ['the kid of the public half after the key', [privateJwk(P256, 'priv'), publicJwk(P256, 'pub')], 'pub'],
  [
    'its own kid if the public key belongs to another pair',
    [publicJwk(OTHER_EC, 'pub'), privateJwk(P256, 'priv')],
    'priv',
  ],
  ['its own kid if it is alone', [privateJwk(P256, 'priv')], 'priv'],
  [
    'the kid of its public half among others',
    [publicJwk(OTHER_EC, 'a'), privateJwk(P256, 'priv'), publicJwk(P256, 'b')],
    'b',
  ],
]
for (const [what, set, kid] of SIGNING_KEY_CASES) {
  test(`a signing key uses ${what}`, async () => {
    const answer = await issueToken(createHarness().keys, issueRequest(inlineSet(set)))
    assert.ok('header' in answer)
    assert.equal(answer.header.kid, kid)
    const published = set.find(key => (key as { kid: string }).kid === kid) as object
    const { d: _d, ...publicHalf } = published as Record<string, unknown>
    const check = await createHarness().verify(answer.token, [inlineSet([{ ...publicHalf, use: 'sig' }])])
    assert.equal(check.kind, 'verified', 'the key of that kid verifies it')
  })
}

const UNUSABLE: readonly (readonly [what: string, keys: readonly object[]])[] = [
  ['no key', []],
  ['no private key', [publicJwk(P256, 'pub')]],
  ['no kid', [{ ...P256.private, kid: undefined, alg: 'ES256' }]],
  ['no alg', [P256.private]],
  ['an unknown alg', [{ ...P256.private, alg: 'ES999' }]],
  ['alg none', [{ ...P256.private, alg: 'none' }]],
  ['an alg of another type', [{ ...P256.private, alg: 'RS256' }]],
  ['an alg of another curve', [{ ...P256.private, alg: 'ES384' }]],
  ['a weak RSA key', [{ ...testKey('RSA-1024', { kid: 'weak' }).private, alg: 'RS256' }]],
  ['a short secret', [{ ...SHORT_SECRET, alg: 'HS256' }]],
]
for (const [what, set] of UNUSABLE) {
  test(`a set with ${what} signs nothing`, async () => {
    assert.equal((await issueToken(createHarness().keys, issueRequest(inlineSet(set)))).kind, 'fault')
  })
}

test('returns the cached token until a tenth of its lifetime is left (C19)', async () => {
  const { keys, clock } = createHarness()
  const set = inlineSet([{ ...P256.private, alg: 'ES256' }])
  const token = async (more: object = {}) => {
    const answer = await keys.issue(issueRequest(set, more))
    return answer.kind === 'issued' ? answer.token : ''
  }
  const first = await token()
  clock.advance(800_000)
  assert.equal(await token(), first)
  assert.ok(!(keys.issue(issueRequest(set)) instanceof Promise), 'at once')
  for (const other of [{ subject: 'sue' }, { issuer: 'b' }, { renderedClaims: 'b' }, { ttl: seconds(901) }]) {
    assert.notEqual(await token(other), first, JSON.stringify(other))
  }
  clock.advance(10_001)
  assert.notEqual(await token(), first)
})

test('a jump of the wall clock invalidates cached tokens (C22)', async () => {
  for (const span of [-3_600_000, 890_000]) {
    const { keys, clock } = createHarness()
    const set = inlineSet([{ ...P256.private, alg: 'ES256' }])
    const first = await keys.issue(issueRequest(set))
    clock.jumpWallClock(span)
    assert.notDeepEqual(await keys.issue(issueRequest(set)), first, String(span))
  }
})

test('a rotated key signs a new token (Q-83), and concurrent equal requests are signed once', async t => {
  const one = await startHost(t, [{ ...P256.private, alg: 'ES256' }])
  const { keys, clock } = createHarness()
  const [a, b] = await Promise.all([keys.issue(issueRequest(one.jwks)), keys.issue(issueRequest(one.jwks))])
  assert.deepEqual(a, b)
  one.serve([{ ...OTHER_EC.private, alg: 'ES256', kid: 'next' }])
  clock.advance(60_001)
  const answer = await issueToken(keys, issueRequest(one.jwks))
  assert.equal('header' in answer && answer.header.kid, 'next')
})

test('reports a harness-readable signing key once, and not a private one', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'keys-'))
  t.after(() => rm(directory, { recursive: true }))
  for (const [mode, expected] of [
    [0o644, 1],
    [0o600, 0],
  ] as const) {
    const path = join(directory, `${mode}.json`)
    await writeFile(path, JSON.stringify({ keys: [{ ...P256.private, alg: 'ES256' }] }))
    await chmod(path, mode)
    const { keys, problems, clock } = createHarness()
    assert.equal((await keys.issue(issueRequest(`file://${path}`))).kind, 'issued')
    clock.advance(60_001)
    await keys.issue(issueRequest(`file://${path}`, { rendered: 'b' }))
    assert.equal(problems.length, expected)
  }
})

test('lists public members only: no private ones, no secrets, no unknown ones (I7)', async () => {
  const { keys } = createHarness()
  const secrets = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth', 'x-own']
  const set = [
    ...ALL_KEYS.map(key => ({ ...key.private, 'x-own': 'x', x5c: ['x'] })),
    { kty: 'AKP', priv: 'x' },
    'text',
  ]
  const listed = await keys.publicKeys([
    inlineSet(set as object[]),
    inlineSet([RSA.public]),
    'file:///no/such/file',
  ])
  assert.deepEqual(
    listed?.keys.map(key => key.kid),
    ['rsa', 'p256', 'p384', 'p521', 'ed', 'rsa'],
  )
  for (const key of listed?.keys ?? []) assert.ok(secrets.every(name => !(name in key)))
  assert.deepEqual(listed?.keys[0], { use: 'sig', kty: 'RSA', kid: 'rsa', n: RSA.public.n, e: 'AQAB' })
})

test('a set that never had a key is listed as empty', async () => {
  assert.deepEqual(await createHarness().keys.publicKeys([inlineSet([])]), { keys: [] })
})

test('lists nothing if no set could be loaded', async () => {
  const { keys } = createHarness()
  assert.equal(await keys.publicKeys([]), undefined)
  assert.equal(await keys.publicKeys(['file:///no/such/file']), undefined)
  assert.deepEqual(await keys.publicKeys([inlineSet([SECRET.private])]), { keys: [] })
})

test('reads a key set from an object store', async t => {
  const store = await startObjectStore()
  const objects = createObjectStoreClient({ AZURE_STORAGE_ACCOUNT: 'a', AZURE_STORAGE_KEY: btoa('k') })
  t.after(() => {
    objects.close()
    return store.close()
  })
  store.object.body = JSON.stringify({ keys: [RSA.public] })
  const problems: JwksProblem[] = []
  const keys = createJwksClient({
    clock: fakeClock(),
    fetch: objects.send,
    directory: tmpdir(),
    options: { ttl: seconds(30), maxWait: millis(5_000) },
    secret: Buffer.from('secret of a test'),
    maxEntries: 100,
    maxBytes: 1e6,
    onProblem: problem => problems.push(problem),
  })
  const asked = { algorithms: new Set(['RS256']), deadline: NEVER }
  const token = signTestToken({ alg: 'RS256', kid: 'rsa' }, CLAIMS, RSA.signingKey)
  const set = `azblob://keys/jwks.json?domain=${store.host}`
  assert.equal((await keys.verify({ token, urls: [set], ...asked })).kind, 'verified')
  store.object.status = 403
  const refused = await keys.verify({ token, urls: [set.replace('jwks', 'other')], ...asked })
  assert.notEqual(refused.kind, 'verified')
  assert.deepEqual(problems, [{ source: 'azblob://keys/other.json', problem: 'responded with 403' }])
})
