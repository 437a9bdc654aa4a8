import assert from 'node:assert/strict'
import test from 'node:test'
import type { Session } from '../../../src/access/session.ts'
import { HandlerConfigError } from '../../../src/handlers/compile/config_error.ts'
import { header } from '../../../src/handlers/mutators/header.ts'
import { assertDenial, compileHandler, sessionOf } from '../build.ts'

const mutate = (headers: Record<string, string>, session = sessionOf('u1', { role: 'admin' })) =>
  compileHandler(header, { headers })(session)

test('renders headers from the session, with names in lower case and in order', () => {
  const session = mutate({
    'X-User-Id': '{{ print .Subject }}',
    'X-Role': '{{ .Extra.role }}',
    'x-empty': '',
  }) as Session
  assert.deepEqual(session.headers, [
    { name: 'x-empty', value: '' },
    { name: 'x-role', value: 'admin' },
    { name: 'x-user-id', value: 'u1' },
  ])
})

test('a later template reads the headers that an earlier one set (Q-80)', () => {
  const session = mutate({ 'x-b': '{{ .Header.Get "X-A" }}', 'x-a': '1' }) as Session
  assert.deepEqual(session.headers.at(-1), { name: 'x-b', value: '1' })
})

test('declares the headers that it sets', () => {
  assert.deepEqual(header.setsHeaders?.({ headers: { 'X-A': '', 'x-b': '' } }), ['x-a', 'x-b'])
})

for (const value of ['a\r\nx-role: admin', 'a\0', 'a\x7f']) {
  test(`a value with ${JSON.stringify(value.at(1))} is a 500 and not in the reason (Q-79, D2)`, () => {
    const outcome = mutate({ 'x-a': '{{ .Subject }}' }, sessionOf(value))
    assertDenial(outcome)
    assert.equal(outcome.status, 500)
    assert.ok(!outcome.reason.includes('admin') && !outcome.message.includes('admin'))
  })
}

test('a template that fails for this session is a 500', () => {
  const outcome = mutate({ 'x-a': '{{ .Extra.nothing.more }}' })
  assertDenial(outcome)
  assert.equal(outcome.code, 'template')
})

test('rejects a template that does not parse, at its key', () => {
  assert.throws(
    () => mutate({ 'x-a': '{{ print .Subject' }),
    (error: unknown) => error instanceof HandlerConfigError && error.path.join('.') === 'headers.x-a',
  )
})

for (const name of [
  'content-length',
  'Transfer-Encoding',
  'connection',
  'host',
  ':path',
  '',
  'a b',
  'x-envoy-internal',
  'Proxy-Authorization',
  'upgrade',
  'te',
  'trailer',
  'keep-alive',
]) {
  test(`rejects the header ${JSON.stringify(name)} (D10, J1, J8)`, () => {
    assert.throws(() => mutate({ [name]: 'x' }), HandlerConfigError)
  })
}
