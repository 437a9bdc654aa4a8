import assert from 'node:assert/strict'
import test from 'node:test'
import { noRule } from '../../../src/access/denial.ts'
import { wwwAuthenticate } from '../../../src/handlers/errors/www_authenticate.ts'
import { requestWith } from '../../fakes/request.ts'
import { build } from '../build.ts'

test('whatever the denial, the answer is 401 with a quoted realm (Q-39)', () => {
  const answer = build(wwwAuthenticate, { realm: 'say "hi"' })(noRule(), requestWith())
  assert.equal(answer.status, 401)
  assert.equal(answer.body, 'Unauthorized\n')
  assert.equal(answer.headers[0]?.value, 'Basic realm="say \\"hi\\""')
})

test('without a realm it asks as Oathkeeper does', () => {
  assert.equal(
    build(wwwAuthenticate)(noRule(), requestWith()).headers[0]?.value,
    'Basic realm="Please authenticate."',
  )
})
