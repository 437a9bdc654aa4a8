import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import test from 'node:test'
import { createDecisionProgress, refuse } from '../../../src/access/decision.ts'
import {
  badRequest,
  type Denial,
  denial,
  forbidden,
  internalError,
  noRule,
  rateLimited,
  unauthorized,
  unavailable,
} from '../../../src/access/denial.ts'
import { validateOutgoingHeaders } from '../../../src/access/outgoing_headers.ts'
import { LANGUAGES, TEXTS } from '../../../src/handlers/pages/language.ts'
import { testPages } from '../../support/handler_harness.ts'
import { requestWith } from '../../support/request.ts'

type Headers = Parameters<typeof requestWith>[0]

const BROWSER: Headers = [
  ['accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['sec-fetch-mode', 'navigate'],
]
const SVG = `data:image/svg+xml;base64,${Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')}`

const headerOf = (response: ReturnType<ReturnType<typeof testPages>['render']>, name: string) =>
  response.headers.find(header => header.name === name)?.value

const DENIALS: readonly (readonly [Denial, string])[] = [
  [badRequest('x'), 'This request cannot be read'],
  [denial(431, 'headers_too_large', 'x'), 'This request cannot be read'],
  [unauthorized('no_credential'), 'You are not logged in here'],
  [forbidden('forbidden'), 'You have no access to this page'],
  [forbidden('second_factor_required'), 'This page needs a second factor'],
  [forbidden('reauthentication_required'), 'This page needs a new login'],
  [noRule(), 'This page does not exist'],
  [rateLimited(), 'Too many requests'],
  [internalError('internal', 'x'), 'Something went wrong'],
  [unavailable('x'), 'Please try again in a moment'],
  [denial(504, 'bad_answer', 'x'), 'Please try again in a moment'],
]

for (const [denied, title] of DENIALS) {
  test(`${denied.status} ${denied.code}: "${title}", with the status of the denial`, () => {
    const page = testPages().render(denied, requestWith(BROWSER))
    assert.equal(page.status, denied.status)
    assert.equal(page.body.match(/<main><h1>([^<]*)<\/h1><p>[^<]+<\/p>/)?.[1], title)
    assert.equal(page.body.match(/<title>([^<]*)<\/title>/)?.[1], title)
    assert.equal(page.body.match(/class="button"/g)?.length, 1)
    assert.equal(headerOf(page, 'content-type'), 'text/html; charset=utf-8')
    assert.equal(headerOf(page, 'cache-control'), 'no-store')
    assert.equal(headerOf(page, 'x-content-type-options'), 'nosniff')
    assert.equal(headerOf(page, 'referrer-policy'), 'no-referrer')
  })
}

test('shows neither the message nor the reason of a denial', () => {
  const denied = forbidden('forbidden', { reason: 'the group ops', message: 'inner message' })
  assert.doesNotMatch(testPages().render(denied, requestWith(BROWSER)).body, /ops|inner message/)
})

test('only a browser that opens a page gets one, and only where pages are enabled', () => {
  const pages = testPages({ enabled: true })
  const answer = (headers: Headers, method = 'GET', from = pages) =>
    from.renderForBrowser(noRule(), { ...requestWith(headers), method })?.status
  const html = ['accept', 'text/html'] as const
  assert.equal(answer(BROWSER), 404)
  assert.equal(answer([html]), 404, 'a browser on plain http sends no Sec-Fetch-Mode')
  assert.equal(answer(BROWSER, 'POST'), 404, 'a form')
  assert.equal(answer(BROWSER, 'HEAD'), undefined)
  for (const mode of ['cors', 'no-cors', 'same-origin', 'websocket', ''])
    assert.equal(answer([html, ['sec-fetch-mode', mode]]), undefined, mode)
  for (const accept of ['*/*', 'application/json', 'text/html;q=0', ''])
    assert.equal(answer([['accept', accept]]), undefined, accept)
  assert.equal(answer([]), undefined)
  assert.equal(answer(BROWSER, 'GET', testPages({ enabled: false })), undefined)
})

test('the policy allows the style by its hash, the logo and nothing else', () => {
  const policyOf = (logo: string) => {
    const page = testPages({ logo, title: 'Shop', accent: '#fc0' }).render(noRule(), requestWith(BROWSER))
    const [, style = ''] = page.body.match(/<style>([\s\S]*?)<\/style>/) ?? []
    const policy = headerOf(page, 'content-security-policy') ?? ''
    assert.ok(policy.includes(`style-src 'sha256-${hash('sha256', style, 'base64')}'`))
    assert.doesNotMatch(page.body, /<script|style=|\son[a-z]+=|<link|<iframe|@import|url\(/)
    return policy.replace(/ 'sha256-[^']+'/, ' HASH')
  }
  const rest = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  assert.equal(policyOf(''), `default-src 'none'; style-src HASH; ${rest}`)
  assert.equal(policyOf(SVG), `default-src 'none'; style-src HASH; img-src data:; ${rest}`)
  assert.equal(policyOf('/logo.svg'), `default-src 'none'; style-src HASH; img-src 'self'; ${rest}`)
})

test('every header of a page passes the check of outgoing headers', () => {
  const denied = unauthorized('credential_rejected', {
    hints: { wwwAuthenticate: 'Bearer error="invalid_token"' },
  })
  const page = testPages({ logo: SVG, accent: '#123456' }).render(denied, requestWith(BROWSER))
  const decision = validateOutgoingHeaders(refuse(page, denied, createDecisionProgress()))
  assert.equal(decision.kind === 'deny' && decision.status, 401)
  assert.equal(headerOf(page, 'www-authenticate'), 'Bearer error="invalid_token"')
})

test('shows the brand, escaped', () => {
  const page = testPages({
    title: '<b>"Tom" & \'Co\'</b>',
    logo: '/logo.svg?a=1&b="',
    supportUrl: 'https://help.example/?a=1&b=2',
  }).render(noRule(), requestWith(BROWSER))
  const title = '&#60;b&#62;&#34;Tom&#34; &amp; &#39;Co&#39;&#60;/b&#62;'
  assert.ok(page.body.includes(`<title>This page does not exist · ${title}</title>`))
  assert.ok(
    page.body.includes(`<header><img src="/logo.svg?a=1&amp;b=&#34;" alt=""><span>${title}</span></header>`),
  )
  assert.ok(page.body.includes('<a href="https://help.example/?a=1&amp;b=2">Contact support</a>'))
  const plain = testPages().render(noRule(), requestWith(BROWSER)).body
  assert.doesNotMatch(plain, /<header>|<img|Contact support/)
})

for (const [accent, text] of [
  ['#fff', '#000'],
  ['#000000', '#fff'],
  ['#2457d6', '#fff'],
  ['#ffcc00', '#000'],
] as const) {
  test(`the text on the accent ${accent} is ${text}`, () => {
    const { body } = testPages({ accent }).render(noRule(), requestWith(BROWSER))
    assert.ok(body.includes(`:root{--accent:${accent};--on-accent:${text}}`))
  })
}

test('shows the request id as reference, and the time', () => {
  const id = 'b1a001c1-4ada-4d1c-9f0e-8a31d9a0a1b2'
  const { body } = testPages().render(noRule(), { ...requestWith(BROWSER), requestId: id })
  assert.ok(body.includes(`<p>Reference: <code>${id}</code></p>`))
  assert.ok(body.includes('<time datetime="2026-11-22T05:00:00Z">2026-11-22 05:00:00 UTC</time>'))
})

for (const id of [
  '',
  'a b',
  'a"b',
  "a'b",
  '<script>',
  'evil.example/x',
  'a&b',
  'ä',
  'x'.repeat(129),
  'a%20',
  'a+b',
]) {
  test(`shows no reference for the request id ${JSON.stringify(id.slice(0, 20))}`, () => {
    const { body } = testPages().render(noRule(), { ...requestWith(BROWSER), requestId: id })
    assert.doesNotMatch(body, /Reference|<code>/)
  })
}

test('nothing of the request but its reference is in the page', () => {
  const planted = '"><script>alert(1)</script>'
  const request = {
    ...requestWith([
      ...BROWSER,
      ['accept-language', planted],
      ['user-agent', planted],
      ['referer', planted],
      ['x-forwarded-host', planted],
      ['cookie', `a=${planted}`],
    ]),
    requestId: planted,
    host: planted,
    authority: planted,
    path: `/${planted}`,
    rawPath: `/${planted}`,
    query: planted,
    method: planted,
  }
  for (const [denied] of DENIALS) {
    const clean = testPages().render(denied, requestWith(BROWSER))
    assert.deepEqual(testPages().render(denied, request), clean)
  }
})

test('names the login that can lift the denial, without the address of the request', () => {
  const loginUrl = 'https://auth.example/self-service/login/browser?aal=aal2&x="'
  const denied = forbidden('second_factor_required', { hints: { loginUrl } })
  const { body } = testPages().render(denied, requestWith(BROWSER))
  assert.ok(
    body.includes(
      '<a class="button" href="https://auth.example/self-service/login/browser?aal=aal2&amp;x=&#34;">Use your second factor</a>',
    ),
  )
  assert.ok(
    body.includes(
      '<a href="https://auth.example/self-service/settings/browser">Settings of your account</a>',
    ),
  )
})

test('an account without a second factor is led to its settings', () => {
  const denied = forbidden('second_factor_required', { hints: { enrollmentRequired: true } })
  const { body } = testPages().render(
    denied,
    requestWith(BROWSER),
    'https://a/self-service/login/browser?r=1',
  )
  assert.ok(body.includes('<a class="button" href="https://a/self-service/settings/browser">'))
})

for (const [header, language] of [
  ['de-DE,de;q=0.9,en;q=0.8', 'de'],
  ['fr-FR, EN-us;q=0.3, de;q=0.7', 'de'],
  ['en, de', 'en'],
  ['de;q=0, en;q=0.1', 'en'],
  ['fr', 'en'],
  ['de;q=2', 'en'],
  ['', 'en'],
  [`${'fr,'.repeat(20)}de`, 'en'],
  ['constructor, __proto__', 'en'],
] as const) {
  test(`answers Accept-Language ${header.slice(0, 30)} in ${language}`, () => {
    const request = requestWith([...BROWSER, ['accept-language', header]])
    const { body } = testPages({ language: 'auto' }).render(noRule(), request)
    assert.ok(body.includes(`<html lang="${language}">`))
    assert.ok(body.includes(TEXTS[language].pages.not_found.title))
    assert.ok(testPages({ language: 'de' }).render(noRule(), request).body.includes('<html lang="de">'))
  })
}

test('a page with the largest logo fits into a denial for Envoy', () => {
  const { body } = testPages({ logo: `data:image/png;base64,${'A'.repeat(32_000)}` }).render(
    noRule(),
    requestWith(BROWSER),
  )
  assert.ok(body.length < 64 * 1024)
})

test('HEAD gets the headers of the page', () => {
  const page = testPages().render(noRule(), { ...requestWith(BROWSER), method: 'HEAD' })
  assert.equal(page.body, '')
  assert.equal(headerOf(page, 'content-type'), 'text/html; charset=utf-8')
})

for (const language of LANGUAGES) {
  test(`no text in ${language} is empty or contains HTML`, () => {
    const texts = TEXTS[language]
    const { pages, ...labels } = texts
    for (const text of [
      ...Object.values(pages).flatMap(page => Object.values(page)),
      ...Object.values(labels),
    ])
      assert.match(text, /^\S[^<>&]*\S$/)
  })
}
