import assert from 'node:assert/strict'
import test from 'node:test'
import { parseObjectScheme, parseObjectUrl } from '../../src/http/object_url.ts'

const READ: readonly (readonly [url: string, bucket: string, key: string, options: object])[] = [
  ['s3://bucket/rules.json', 'bucket', 'rules.json', {}],
  ['S3://bucket/a/b%20c.json', 'bucket', 'a/b c.json', {}],
  ['gs://my_bucket/r.json', 'my_bucket', 'r.json', {}],
  ['s3://bucket/r.json?prefix=team/', 'bucket', 'team/r.json', { prefix: 'team/' }],
  ['s3://b/r?endpoint=minio.example:9000', 'b', 'r', { endpoint: 'minio.example:9000' }],
  ['s3://b/r?region=eu&awssdk=v2', 'b', 'r', { region: 'eu' }],
  ['s3://b/r?s3ForcePathStyle=1', 'b', 'r', { use_path_style: 'true' }],
  [
    's3://b/r?hostname_immutable=TRUE&disableSSL=f',
    'b',
    'r',
    { use_path_style: 'true', disable_https: 'false' },
  ],
  ['gs://b/r?private_key_path=/x', 'b', 'r', {}],
  ['azblob://c/r?storage_account=a&localemu=true', 'c', 'r', { storage_account: 'a', localemu: 'true' }],
]
for (const [url, bucket, key, options] of READ) {
  test(`${url} is ${key} in ${bucket}`, () => {
    const read = parseObjectUrl(url)
    assert.ok(read.kind === 'object')
    assert.deepEqual([read.bucket, read.key, Object.fromEntries(read.options)], [bucket, key, options])
    assert.equal(read.name, `${read.scheme}://${bucket}/${key}`)
  })
}

const REFUSED: readonly (readonly [url: string, message: string, hint: RegExp])[] = [
  ['s3://bucket', 'the URL names no object', /s3:\/\/bucket\/rules\.json/],
  ['gs:///r', 'not the URL of an object in gs://', /gs:\/\/bucket/],
  ['s3://b/r?regoin=x', 'unknown parameter "regoin"', /did you mean "region"/],
  ['gs://b/r?whatever=x', 'unknown parameter "whatever"', /^known: prefix, universe_domain$/],
  ['s3://b/r?anonymous=perhaps', '"anonymous" must be true or false', /./],
  ['s3://key:secret@b/r', 'the URL has credentials', /variables/],
  ['gs://b/r?access_id=-', 'reading without credentials is not supported', /storage\.googleapis\.com/],
  ['azblob://b/%zz', 'the URL names no object', /./],
  ['s3://b/r?__proto__=x', 'unknown parameter "__proto__"', /known/],
]
for (const [url, message, hint] of REFUSED) {
  test(`${url} is invalid: ${message}`, () => {
    const read = parseObjectUrl(url)
    assert.ok(read.kind === 'invalid object url')
    assert.equal(read.message, message)
    assert.match(read.hint, hint)
  })
}

test('other URLs have no object scheme', () => {
  for (const url of ['https://b/r', 'file:///r', 's3:b', 'inline://e30=', 'gss://b/r']) {
    assert.equal(parseObjectScheme(url), undefined)
  }
})
