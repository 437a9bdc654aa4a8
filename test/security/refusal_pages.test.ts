/** The pages that browsers get for denials reflect nothing of a request: from the bytes of a Check to those of its response. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { decodeResponse, encodeRequest, type HttpFields, type Response } from '../envoy/reference_codec.ts'
import { createCheckHarness, statusOf } from '../support/check_harness.ts'
import { fakeClock } from '../support/clock.ts'

const CONFIG = `
errors:
  pages: {enabled: true, title: "A & B", logo: /logo.svg, support_url: "https://help.example/"}
  handlers: {redirect: {enabled: true, config: {to: "https://auth.example/self-service/login/browser"}}}
authenticators:
  noop: {enabled: true}
  unauthorized: {enabled: true}
  cookie_session: {enabled: true, config: {check_session_url: "http://kratos/sessions/whoami"}}
authorizers: {allow: {enabled: true}, deny: {enabled: true}}
mutators: {noop: {enabled: true}}
`
const rule = (id: string, authenticator: string, authorizer: string, errors: readonly object[] = []) => ({
  id,
  match: { url: `http<s?>://<[^/]*>/${id}<.*>`, methods: ['GET'] },
  authenticators: [{ handler: authenticator }],
  authorizer: { handler: authorizer },
  mutators: [{ handler: 'noop' }],
  ...(errors.length === 0 ? {} : { errors }),
})
const RULES = JSON.stringify([
  rule('denied', 'noop', 'deny'),
  rule('login', 'unauthorized', 'allow'),
  rule('loop', 'unauthorized', 'allow', [
    { handler: 'redirect', config: { return_to_query_param: 'return_to' } },
  ]),
  rule('session', 'cookie_session', 'allow'),
  rule('broken', 'noop', 'no_such_handler'),
])
const ACCEPT = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }

const bodyOf = (response: Response): string => response.denied_response?.body ?? ''
const headerOf = (response: Response, name: string): string | undefined =>
  response.denied_response?.headers?.find(({ header }) => header?.key === name)?.header?.value

const SCRIPTS = [
  '"><script>alert(1)</script>',
  "'><img src=x onerror=alert(1)>",
  '</title></style><script>alert(1)</script>',
  'javascript:alert(1)',
  '{{constructor.constructor("alert(1)")()}}',
  '\u202Egnp.exe\u202C',
]

/** Each place of a request that a client writes. */
const PLACES: readonly (readonly [string, (planted: string, path: string) => HttpFields])[] = [
  ['host', (planted, path) => ({ path, host: planted })],
  ['path', (planted, path) => ({ path: `${path}/${planted}` })],
  ['encoded path', (planted, path) => ({ path: `${path}/${encodeURIComponent(planted)}` })],
  ['query', (planted, path) => ({ path: `${path}?a=${planted}&return_to=${planted}` })],
  ['method', (planted, path) => ({ path, method: planted })],
  ...[
    'x-request-id',
    'accept-language',
    'user-agent',
    'referer',
    'x-forwarded-host',
    'x-forwarded-for',
    'x-original-url',
    'cookie',
    'authorization',
    'traceparent',
  ].map(
    name =>
      [
        name,
        (planted: string, path: string): HttpFields => ({ path, headers: { [name]: planted } }),
      ] as const,
  ),
]

for (const [place, plant] of PLACES) {
  test(`text of a client in its ${place} is in no page`, async () => {
    const harness = await createCheckHarness({ config: CONFIG, rules: RULES, clock: fakeClock() })
    const paths = ['/denied', '/login', '/broken', '/none']
    const cleanPages = new Map<number, string>()
    for (const path of paths) {
      const clean = await harness.send({ path, headers: ACCEPT })
      cleanPages.set(statusOf(clean), bodyOf(clean))
    }
    for (const path of paths) {
      for (const planted of SCRIPTS) {
        const fields = plant(planted, path)
        const response = await harness.send({ ...fields, headers: { ...ACCEPT, ...fields.headers } })
        // Some are no valid requests; these get the JSON of the built-in response.
        if (headerOf(response, 'content-type') === 'application/json') assert.equal(statusOf(response), 400)
        else assert.equal(bodyOf(response), cleanPages.get(statusOf(response)), `${path} ${planted}`)
      }
    }
    assert.deepEqual(harness.errors, [])
  })
}

test('the login link of a loop encodes the address of the request', async () => {
  const harness = await createCheckHarness({ config: CONFIG, rules: RULES, clock: fakeClock() })
  for (const planted of SCRIPTS) {
    const headers = { ...ACCEPT, cookie: 'credence_login_rounds=2' }
    const response = await harness.send({ path: `/loop?a=${planted}`, headers })
    if (statusOf(response) === 400) continue
    assert.equal(statusOf(response), 401)
    const links = [...bodyOf(response).matchAll(/href="([^"]*)"/g)].map(([, url = '']) => url)
    assert.deepEqual(
      links.map(url => url.replace(/return_to=[A-Za-z0-9%._~*+-]*$/, 'return_to=')),
      ['https://auth.example/self-service/login/browser?return_to=', 'https://help.example/'],
    )
    assert.doesNotMatch(bodyOf(response), /<script|<img src=x|<\/title><\/style/)
  }
})

test('every page has the policy, whatever the reason of the denial', async () => {
  const harness = await createCheckHarness({ config: CONFIG, rules: RULES, clock: fakeClock() })
  for (const [path, status] of [
    ['/denied', 403],
    ['/login', 401],
    ['/broken', 500],
    ['/none', 404],
    ['/session', 503],
  ] as const) {
    const response = await harness.send({ path, headers: { ...ACCEPT, cookie: 'ory_kratos_session=x' } })
    assert.equal(statusOf(response), status)
    assert.match(
      headerOf(response, 'content-security-policy') ?? '',
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    )
  }
})

test('a Check that runs out of time is answered with the page of an outage', async () => {
  const never = () => new Promise<never>(() => {})
  const harness = await createCheckHarness({
    config: CONFIG,
    rules: RULES,
    services: services => ({ ...services, kratos: { ...services.kratos, verify: never } }),
  })
  const request = encodeRequest({ path: '/session', headers: { ...ACCEPT, cookie: 'ory_kratos_session=x' } })
  const response = decodeResponse(await harness.check(request, {}, 100))
  assert.equal(statusOf(response), 503)
  assert.equal(harness.decisions[0]?.metadata.code, 'deadline')
  assert.equal(harness.decisions[0]?.metadata.errorHandler, 'page')
  assert.match(bodyOf(response), /<h1>Please try again in a moment<\/h1>/)
  assert.equal(headerOf(response, 'retry-after'), '1')
  const json = encodeRequest({ path: '/session', headers: { cookie: 'ory_kratos_session=x' } })
  assert.equal(JSON.parse(bodyOf(decodeResponse(await harness.check(json, {}, 100)))).error.code, 503)
})
