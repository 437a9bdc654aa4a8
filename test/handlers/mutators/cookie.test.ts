import assert from 'node:assert/strict'
import test from 'node:test'
import type { Session } from '../../../src/access/session.ts'
import { HandlerConfigError } from '../../../src/handlers/compile/config_error.ts'
import { cookie } from '../../../src/handlers/mutators/cookie.ts'
import { requestWith } from '../../support/request.ts'
import { assertDenial, compileHandler, sessionOf } from '../build.ts'

const mutate = (cookies: Record<string, string>, session = sessionOf('u1', { role: 'a,b' })) =>
  compileHandler(cookie, { cookies })(session)
const headersOf = (outcome: ReturnType<typeof mutate>) => (outcome as Session).headers
const withCookies = (...lines: string[]) =>
  sessionOf('u1', undefined, requestWith(lines.map(value => ['cookie', value])))

test('renders cookies in order of names, followed by the other cookies of the request', () => {
  const session = withCookies('c=old; keep=1; User=2', 'user=evil; last="x y"')
  assert.deepEqual(headersOf(mutate({ user: '{{ print .Subject }}', c: 'new' }, session)), [
    { name: 'cookie', value: 'c=new; user=u1; keep=1; User=2; last="x y"' },
  ])
})

for (const [text, written] of [
  ['', ''],
  ['a b', '"a b"'],
  ['a,b', '"a,b"'],
  ['x;y', 'xy'],
  ['"\\', ''],
  ['a\r\nb\0\x7f', 'ab'],
  ['ü😀', ''],
] as const) {
  test(`the value ${JSON.stringify(text)} is written as ${JSON.stringify(written)}`, () => {
    assert.deepEqual(headersOf(mutate({ c: '{{ .Subject }}' }, sessionOf(text))), [
      { name: 'cookie', value: `c=${written}` },
    ])
  })
}

test('cookies of the request keep their quotes', () => {
  const came = withCookies('a="b"; e=""; f="x y"; g=x y; h=1')
  assert.equal(headersOf(mutate({ c: '1' }, came))[0]?.value, 'c=1; a="b"; e=""; f="x y"; g="x y"; h=1')
})

test('drops a cookie of the request with an open quote, which could hide a rendered one', () => {
  assert.equal(headersOf(mutate({ c: '1' }, withCookies('a="; c=evil; b=2')))[0]?.value, 'c=1; b=2')
})

test('a template that fails for this session is a 500', () => {
  const outcome = mutate({ c: '{{ .Extra.nothing.more }}' })
  assertDenial(outcome)
  assert.equal(outcome.status, 500)
})

test('accepts names like those of PHP, and replaces the client’s cookie of that name', () => {
  const session = withCookies('user[id]=1; keep=1')
  assert.deepEqual(headersOf(mutate({ 'user[id]': '7' }, session)), [
    { name: 'cookie', value: 'user[id]=7; keep=1' },
  ])
})

for (const name of ['', 'a b', 'a;b', 'a=b', 'a,b', 'a"b', 'a\n', 'ü']) {
  test(`rejects the name ${JSON.stringify(name)}`, () => {
    assert.throws(() => mutate({ [name]: 'x' }), HandlerConfigError)
  })
}

test('rejects a template that does not parse, at its key', () => {
  assert.throws(
    () => mutate({ c: '{{' }),
    (error: unknown) => error instanceof HandlerConfigError && error.path.join('.') === 'cookies.c',
  )
})

test('declares that it sets the Cookie header', () => {
  assert.deepEqual(cookie.setsHeaders?.({ cookies: {} }), ['cookie'])
})
