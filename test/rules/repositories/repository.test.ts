import assert from 'node:assert/strict'
import test from 'node:test'
import { parseRepository, repositoryFiles } from '../../../src/rules/repositories/repository.ts'

const PARSED: readonly (readonly [entry: string, kind: string, stands: string])[] = [
  ['file:///etc/rules.json', 'file', '/etc/rules.json'],
  ['file://./rules.json', 'file', '/here/rules.json'],
  ['file://rules/a.yml', 'file', '/here/rules/a.yml'],
  ['file:///with%20blank.json', 'file', '/with blank.json'],
  ['file:///100%.json', 'file', '/100%.json'],
  ['rules.json', 'file', '/here/rules.json'],
  ['/etc/rules.json', 'file', '/etc/rules.json'],
  ['./with%20blank.json', 'file', '/here/with%20blank.json'],
  [`inline://${btoa('[]')}`, 'inline', '[]'],
  ['inline://no base64!', 'unusable', 'not standard base64'],
  ['https://h:1/r.json?v=1#x', 'remote', 'https://h:1/r.json?v=1'],
  ['HTTP://h/r', 'remote', 'http://h/r'],
  ['http://', 'unusable', 'not a URL'],
  ['s3://bucket/a/b.json?region=x', 'remote', 's3://bucket/a/b.json?region=x'],
  ['gs://bucket/b.json', 'remote', 'gs://bucket/b.json'],
  ['azblob://container/b.json', 'remote', 'azblob://container/b.json'],
  ['s3://bucket', 'unusable', 'the URL names no object'],
  ['s3://bucket/b.json?regoin=x', 'unusable', 'unknown parameter "regoin"'],
  ['ftp://h/r', 'unusable', 'ftp:// is not supported'],
]
for (const [entry, kind, stands] of PARSED) {
  test(`${entry} is ${kind}: ${stands}`, () => {
    const one = parseRepository(entry, 0, '/here')
    assert.equal(one.kind, kind)
    const found = { file: 'path', inline: 'text', remote: 'url', unusable: 'message' }[one.kind]
    assert.equal((one as unknown as Record<string, unknown>)[found], stands)
  })
}

test('the files to watch are the absolute paths of local repositories', () => {
  assert.deepEqual(repositoryFiles(['file:///a', 'https://h/b', 'c'], '/here'), ['/a', '/here/c'])
})
