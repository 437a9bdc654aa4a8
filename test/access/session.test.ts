import assert from 'node:assert/strict'
import test from 'node:test'
import type { RequestView } from '../../src/access/request.ts'
import { createSession, identity, withHeader } from '../../src/access/session.ts'

const request = {
  method: 'GET',
  scheme: 'https',
  authority: 'App:8443',
  path: '/a',
  query: 'q=1',
} as RequestView

test('a later header replaces an earlier one of the same name and no other', () => {
  const opened = createSession(identity('u'), request, [])
  const session = withHeader(withHeader(withHeader(opened, 'a', '1'), 'b', '2'), 'a', '3')
  assert.deepEqual(session.headers, [
    { name: 'b', value: '2' },
    { name: 'a', value: '3' },
  ])
  assert.deepEqual(opened.headers, [], 'the session it was made from is unchanged')
})

test('the match context has host and port as sent, and the captures', () => {
  const session = createSession(identity('u', { a: 1 }), request, ['x'])
  assert.deepEqual(session.match.url, { scheme: 'https', host: 'App:8443', path: '/a', rawQuery: 'q=1' })
  assert.deepEqual(session.match.captures, ['x'])
  assert.deepEqual(session.extra, { a: 1 })
})
