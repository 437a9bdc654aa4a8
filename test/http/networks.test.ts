import assert from 'node:assert/strict'
import test from 'node:test'
import { compileNetworks } from '../../src/http/networks.ts'

for (const [networks, address, expected] of [
  [['10.0.0.0/8'], '10.255.0.1', true],
  [['10.0.0.0/8'], '11.0.0.1', false],
  [['10.0.0.0/8', '192.168.1.7'], '192.168.1.7', true],
  [['192.168.1.7'], '192.168.1.8', false],
  [['0.0.0.0/0'], '203.0.113.9', true],
  [['0.0.0.0/0'], '2001:db8::1', false],
  [['2001:db8::/32'], '2001:db8:1::1', true],
  [['2001:db8::/32'], '2001:db9::1', false],
  [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
  [['10.0.0.0/8'], '::FFFF:0a01:0203', true],
  [['fe80::/10'], 'fe80::1%eth0', true],
  [['10.0.0.0/8'], '', false],
  [['10.0.0.0/8'], 'unknown', false],
  [['10.0.0.0/8'], '10.1.2.3:80', false],
] as const) {
  test(`${JSON.stringify(address)} is ${expected ? 'in' : 'outside'} ${networks.join(', ')}`, () => {
    assert.equal(compileNetworks(networks)?.(address), expected)
  })
}

for (const entry of [
  '10.0.0.0/33',
  '::/129',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  'example.com',
  '',
  '10/8',
]) {
  test(`${JSON.stringify(entry)} is not a network`, () => {
    assert.equal(compileNetworks(['10.0.0.0/8', entry]), undefined)
  })
}
