import assert from 'node:assert/strict'
import test from 'node:test'
import { noRule } from '../../../src/access/denial.ts'
import { wwwAuthenticate } from '../../../src/handlers/errors/www_authenticate.ts'
import { requestWith } from '../../support/request.ts'
import { compileHandler } from '../build.ts'

test('responds to every denial with 401 and a quoted realm (Q-39)', () => {
  const answer = compileHandler(wwwAuthenticate, { realm: 'say "hi"' })(noRule(), requestWith())
  assert.equal(answer.status, 401)
  assert.equal(answer.body, 'Unauthorized\n')
  assert.equal(answer.headers[0]?.value, 'Basic realm="say \\"hi\\""')
})

test('uses Oathkeeper’s realm by default', () => {
  for (const config of [{}, { realm: '' }]) {
    assert.equal(
      compileHandler(wwwAuthenticate, config)(noRule(), requestWith()).headers[0]?.value,
      'Basic realm="Please authenticate."',
    )
  }
})

test('responds with uncacheable text, and rejects a realm that is not allowed in a header', () => {
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

test('accepts non-ASCII letters in a realm, as Oathkeeper does', () => {
  const { headers } = compileHandler(wwwAuthenticate, { realm: 'caf\u00e9' })(noRule(), requestWith())
  assert.equal(headers[0]?.value, 'Basic realm="caf\u00e9"')
})
