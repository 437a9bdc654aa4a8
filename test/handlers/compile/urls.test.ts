import assert from 'node:assert/strict'
import test from 'node:test'
import { HandlerConfigError } from '../../../src/handlers/compile/config_error.ts'
import {
  checkKeySetUrl,
  httpUrlSchema,
  keySetUrlSchema,
  urlReferenceSchema,
} from '../../../src/handlers/compile/urls.ts'

const assertRejected = (read: (text: string, path: string[]) => string, text: string) =>
  assert.throws(
    () => read(text, ['key']),
    (error: unknown) => error instanceof HandlerConfigError && error.path.join() === 'key',
    text,
  )

test('accepts absolute http and https URLs only', () => {
  const read = (url: string) => httpUrlSchema.safeParse(url).success
  for (const url of ['http://a', 'https://user:pass@a:1/b?c=d']) assert.ok(read(url), url)
  for (const url of ['', 'c', '/a', 'ftp://a', 'file:///a', 'http://']) assert.ok(!read(url), url)
})

test('accepts a path as the target of a redirect', () => {
  const read = (url: string) => urlReferenceSchema.safeParse(url).success
  for (const url of ['http://a/b?c', '/login', 'login', '?a=b', '']) assert.ok(read(url), url)
  for (const url of [':', 'http://a b', 'http://a:x']) assert.ok(!read(url), url)
})

test('accepts key sets from http, https, file, inline and object stores', () => {
  for (const url of [
    'https://a/b',
    'file:///a',
    'file://a',
    'inline://e30=',
    'FILE:///a',
    's3://a/b?region=x',
    'gs://a/b',
  ]) {
    assert.equal(checkKeySetUrl(url, []), url)
    assert.ok(keySetUrlSchema.safeParse(url).success, url)
  }
  for (const url of ['', 'a.json', '/a', 'http://', 'data:,x', 's3://a', 's3://a/b?regoin=x', 'gs://a']) {
    assertRejected(checkKeySetUrl, url)
    assert.ok(!keySetUrlSchema.safeParse(url).success, url)
  }
  assert.throws(() => checkKeySetUrl('ftp://a/b', []), /must be the URL of a key set/)
})
