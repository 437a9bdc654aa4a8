import assert from 'node:assert/strict'
import test from 'node:test'
import { formatListenAddress } from '../../src/http/listen_address.ts'

for (const [host, expected] of [
  ['127.0.0.1', '127.0.0.1:80'],
  ['localhost', 'localhost:80'],
  ['::1', '[::1]:80'],
  ['', '[::]:80'],
] as const) {
  test(`the host ${JSON.stringify(host)} is printed as ${expected}`, () => {
    assert.equal(formatListenAddress(host, 80), expected)
  })
}
