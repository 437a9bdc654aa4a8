/**
 * Tests the clients of the three clouds against stores on loopback: limits, conditional reads, and messages
 * without texts of the store.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, afterEach, before, test } from 'node:test'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../../src/clients/http/message.ts'
import {
  CLIENT_PACKAGES,
  createObjectStoreClient,
  type ObjectStoreClient,
  withObjectStores,
} from '../../../src/clients/objects/client.ts'
import { millis } from '../../../src/lib/time.ts'
import { realClock } from '../../support/clock.ts'
import { type FakeObjectStore, startObjectStore } from '../../support/object_store.ts'

const AZURE = { AZURE_STORAGE_ACCOUNT: 'account', AZURE_STORAGE_KEY: btoa('key') }
let store: FakeObjectStore
let objects: ObjectStoreClient
before(async () => {
  store = await startObjectStore()
  // AWS's and Google's clients read these from the environment of the process.
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_REGION: 'eu-central-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    STORAGE_EMULATOR_HOST: `http://${store.host}`,
  })
  objects = createObjectStoreClient(AZURE)
})
after(async () => {
  objects.close()
  await store.close()
})
afterEach(() => {
  Object.assign(store.object, { body: '[]', etag: '"1"', status: 200, delay: 0, chunked: false })
  store.calls.length = 0
  store.contentReads.length = 0
})

const STORES = {
  s3: () => `s3://bucket/rules.json?endpoint=${store.host}&disableSSL=true&s3ForcePathStyle=true`,
  gs: () => 'gs://bucket/rules.json',
  azblob: () => `azblob://bucket/rules.json?domain=${store.host}`,
}

function read(
  url: string,
  more: Partial<OutgoingRequest> = {},
  by = objects,
): Promise<HttpResponse | HttpFailure> {
  const request = {
    method: 'GET',
    url,
    headers: [],
    timeout: millis(10_000),
    maxBytes: 1_000,
    target: 'rules',
  }
  return by.send({ ...request, ...more })
}

for (const [scheme, address] of Object.entries(STORES)) {
  test(`${scheme}: reads an object with its ETag`, async () => {
    store.object.body = '[{"id":"ä"}]'
    const answer = await read(address())
    assert.deepEqual(answer, {
      kind: 'answered',
      status: 200,
      headers: [['etag', '"1"']],
      body: '[{"id":"ä"}]',
    })
  })

  test(`${scheme}: reads content only if the ETag has changed`, async () => {
    const known = { headers: [['if-none-match', '"1"']] as const }
    const same = await read(address(), known)
    assert.deepEqual(same, { kind: 'answered', status: 304, headers: [], body: '' })
    assert.deepEqual(store.contentReads, [])
    Object.assign(store.object, { etag: '"2"', body: '["new"]' })
    const other = await read(address(), known)
    assert.ok(other.kind === 'answered' && other.status === 200)
    assert.deepEqual([other.body, other.headers], ['["new"]', [['etag', '"2"']]])
  })

  for (const status of [403, 404]) {
    test(`${scheme}: reports ${status} without the text of the store`, async () => {
      store.object.status = status
      assert.deepEqual(await read(address()), { kind: 'answered', status, headers: [], body: '' })
      assert.equal(store.calls.length, 1, 'it is not retried')
    })
  }

  test(`${scheme}: a slow store causes a timeout`, async () => {
    store.object.delayMs = 400
    assert.deepEqual(await read(address(), { timeout: millis(60) }), {
      kind: 'failed',
      cause: 'timeout',
      message: 'rules: timed out',
    })
  })

  test(`${scheme}: does not read an object whose content-length is too large`, async () => {
    store.object.body = 'x'.repeat(1_001)
    const answer = await read(address())
    assert.equal(answer.kind === 'failed' && answer.cause, 'too_large')
  })

  test(`${scheme}: a refused connection is reported by its error code`, async t => {
    const gone = await startObjectStore()
    await gone.close()
    const url = address().replace(store.host, gone.host)
    if (scheme === 'gs') {
      process.env.STORAGE_EMULATOR_HOST = `http://${gone.host}`
      t.after(() => {
        process.env.STORAGE_EMULATOR_HOST = `http://${store.host}`
      })
    }
    const fresh = createObjectStoreClient(AZURE)
    t.after(() => fresh.close())
    const answer = await read(url, { timeout: millis(1_500) }, fresh)
    assert.equal(answer.kind, 'failed')
    assert.match((answer as HttpFailure).message, /^rules: (?:connection failed \(\w+\)|timed out)$/)
  })

  test(`${scheme}: without the package, the message says what to install`, () => {
    const hooks = `import { registerHooks } from 'node:module'
      registerHooks({ resolve(name, context, next) {
        if (name !== '${CLIENT_PACKAGES[scheme as 's3']}') return next(name, context)
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
      } })`
    const script = `import { createObjectStoreClient } from '${new URL('../../../src/clients/objects/client.ts', import.meta.url)}'
      const { send } = createObjectStoreClient({})
      const url = '${scheme}://bucket/rules.json'
      console.log(JSON.stringify(await send({ method: 'GET', url, headers: [], timeout: 5000, target: 'rules' })))`
    const args = ['--import', `data:text/javascript,${encodeURIComponent(hooks)}`, '--input-type=module']
    const child = spawnSync(process.execPath, [...args, '--eval', script], { encoding: 'utf8' })
    const answer = JSON.parse(child.stdout) as HttpFailure
    assert.equal(answer.cause, 'setup')
    assert.ok(answer.message.includes(`npm install ${CLIENT_PACKAGES[scheme as 's3']}`), answer.message)
  })
}

test('stops reading an object without content-length when it is too large', async () => {
  Object.assign(store.object, { body: 'x'.repeat(50_000), chunked: true })
  const answer = await read(STORES.s3())
  assert.equal(answer.kind === 'failed' && answer.cause, 'too_large')
})

test('s3: without a region, the message says how to set it', async t => {
  const { AWS_REGION } = process.env
  delete process.env.AWS_REGION
  Object.assign(process.env, { AWS_CONFIG_FILE: '/nowhere', AWS_SHARED_CREDENTIALS_FILE: '/nowhere' })
  t.after(() => Object.assign(process.env, { AWS_REGION }))
  const answer = await read('s3://elsewhere/rules.json')
  assert.deepEqual([answer.kind, (answer as HttpFailure).cause], ['failed', 'setup'])
  assert.match((answer as HttpFailure).message, /\?region=… .*AWS_REGION/)
})

test('s3: signs requests unless the URL says anonymous', async () => {
  await read(STORES.s3())
  assert.match(
    store.lastHeaders().authorization ?? '',
    /^AWS4-HMAC-SHA256 Credential=id\/\d+\/eu-central-1\/s3\//,
  )
  await read(`${STORES.s3()}&anonymous=true&region=x`)
  assert.equal(store.lastHeaders().authorization, undefined)
})

test('azblob: a shared access signature and a connection string each authorize the request', async t => {
  const signed = createObjectStoreClient({ AZURE_STORAGE_SAS_TOKEN: '?sig=s', AZURE_STORAGE_IS_CDN: 'false' })
  const connection = `DefaultEndpointsProtocol=http;AccountName=other;AccountKey=${btoa('k')};BlobEndpoint=http://${store.host}/other;`
  const connected = createObjectStoreClient({ AZURE_STORAGE_CONNECTION_STRING: connection })
  t.after(() => signed.close())
  t.after(() => connected.close())
  await read(`${STORES.azblob()}&storage_account=third`, {}, signed)
  assert.match(store.calls.at(-1) ?? '', /^GET \/third\/bucket\/rules\.json\?.*sig=s/)
  assert.equal(store.lastHeaders().authorization, undefined)
  const answer = await read('azblob://bucket/a b/rules.json', {}, connected)
  assert.equal(answer.kind === 'answered' && answer.status, 200)
  assert.match(store.calls.at(-1) ?? '', /^GET \/other\/bucket\/a%20b\/rules\.json/)
  assert.match(store.lastHeaders().authorization ?? '', /^SharedKey other:/)
})

test('azblob: without an account, the message names the missing variable', async t => {
  const bare = createObjectStoreClient({})
  t.after(() => bare.close())
  const answer = await read('azblob://bucket/rules.json', {}, bare)
  assert.deepEqual([answer.kind, (answer as HttpFailure).cause], ['failed', 'setup'])
  assert.match((answer as HttpFailure).message, /AZURE_STORAGE_ACCOUNT/)
})

test('other URLs are read over HTTP', async t => {
  const http = createHttpClient({ clock: realClock })
  t.after(() => http.close())
  const fetch = withObjectStores(http.send, objects.send)
  const request = { method: 'GET', headers: [], timeout: millis(2_000), target: 'rules' }
  await fetch({ ...request, url: `http://${store.host}/plain/path` })
  await fetch({ ...request, url: STORES.gs() })
  assert.deepEqual(store.calls.slice(0, 2), ['GET /plain/path', 'GET /b/bucket/o/rules.json?'])
})
