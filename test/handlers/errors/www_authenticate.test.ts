import assert from 'node:assert/strict'
import test from 'node:test'
import { noRule } from '../../../src/access/denial.ts'
import { wwwAuthenticate } from '../../../src/handlers/errors/www_authenticate.ts'
import { requestWith } from '../../support/request.ts'
import { compileHandler } from '../build.ts'

test('whatever the denial, the answer is 401 with a quoted realm (Q-39)', () => {
  const answer = compileHandler(wwwAuthenticate, { realm: 'say "hi"' })(noRule(), requestWith())
  assert.equal(answer.status, 401)
  assert.equal(answer.body, 'Unauthorized\n')
  assert.equal(answer.headers[0]?.value, 'Basic realm="say \\"hi\\""')
})

test('without a realm it asks as Oathkeeper does', () => {
  for (const config of [{}, { realm: '' }]) {
    assert.equal(
      compileHandler(wwwAuthenticate, config)(noRule(), requestWith()).headers[0]?.value,
      'Basic realm="Please authenticate."',
    )
  }
})

test('it is text that nobody keeps, and a realm that no header can carry is refused at load', () => {
  const { headers } = compileHandler(wwwAuthenticate)(noRule(), requestWith())
  assert.deepEqual(
    headers.map(({ name, value }) => (name === 'www-authenticate' ? name : `${name}: ${value}`)),
    [
      'www-authenticate',
      'content-type: text/plain; charset=utf-8',
      'cache-control: no-store',
      'x-content-type-options: nosniff',
    ],
  )
  assert.throws(() => compileHandler(wwwAuthenticate, { realm: 'two\nlines' }), { path: ['realm'] })
})

test('a realm may have letters beyond ASCII, as in Oathkeeper', () => {
  const { headers } = compileHandler(wwwAuthenticate, { realm: 'caf\u00e9' })(noRule(), requestWith())
  assert.equal(headers[0]?.value, 'Basic realm="caf\u00e9"')
})
