import assert from 'node:assert/strict'
import test from 'node:test'
import { jwksRoute } from '../../src/api/jwks.ts'
import type { ApiRequest } from '../../src/api/server.ts'

const PATH = '/.well-known/jwks.json'
const getKeySet = (set: { keys: object[] } | undefined, path = PATH, method = 'GET') =>
  jwksRoute({ publicKeys: async () => set })({ path, method } as ApiRequest)

test('the reply is the key set as JSON', async () => {
  const reply = await getKeySet({ keys: [{ kid: 'a' }] })
  assert.deepEqual([reply?.status, reply?.body], [200, '{"keys":[{"kid":"a"}]}'])
  assert.equal((await getKeySet({ keys: [] }, PATH, 'HEAD'))?.status, 200)
})

test('without a key set the reply is a 500 in the shape of Ory’s errors', async () => {
  const reply = await getKeySet(undefined)
  assert.deepEqual([reply?.status, JSON.parse(reply?.body ?? '').error.code], [500, 500])
})

test('the route leaves other paths and methods to other routes', async () => {
  assert.equal(await getKeySet({ keys: [] }, '/.well-known/jwks.json/'), undefined)
  assert.equal(await getKeySet({ keys: [] }, PATH, 'POST'), undefined)
})
