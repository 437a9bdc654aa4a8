/** B2: a port does not take a host away from the rule that names it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { guardedRule, openRule, statusUnder } from '../support/open_and_guarded.ts'

const GUARDED = guardedRule('https://app.test/<.*>')
const OTHERS = openRule('https://<(?!app\\.test/)[^/]*>/<.*>', 'others')

const statusAt = (host: string, rules: readonly object[], config = '', scheme = 'https') =>
  statusUnder(rules, { host, scheme, path: '/x' }, config)

test('B2 a port does not lead from a named host to the rule for every other host', async () => {
  assert.equal(await statusAt('app.test', [GUARDED, OTHERS]), 401)
  assert.equal(await statusAt('app.test:443', [GUARDED, OTHERS]), 401)
  assert.equal(await statusAt('app.test:8080', [GUARDED, OTHERS]), 400)
  assert.equal(await statusAt('APP.test.:8080', [GUARDED, OTHERS]), 400)
  assert.equal(await statusAt('app.test:80', [GUARDED, OTHERS]), 400)
})

test('B2 nor to the default rule, nor to the first match, nor by another scheme', async () => {
  const open = openRule('https://open.test/')
  const anyHost = openRule('<https?>://<[^/]+>/<.*>', 'any')
  assert.equal(await statusAt('app.test:8080', [GUARDED, open], 'access_rules: {default_rule: open}\n'), 400)
  const first = 'access_rules: {on_multiple_matches: first}\n'
  assert.equal(await statusAt('app.test:8080', [GUARDED, anyHost], first), 400)
  assert.equal(await statusAt('app.test:8080', [GUARDED, anyHost], first, 'http'), 400)
})

test('B2 a rule that names the host and its port, or any port of it, keeps it', async () => {
  for (const url of [
    'https://app.test:8080/<.*>',
    '<[a-z]+>://app.test:8080/<.*>',
    'https://app.test<:[0-9]+>/<.*>',
  ]) {
    assert.equal(await statusAt('app.test:8080', [GUARDED, openRule(url, 'port')]), 200, url)
  }
})

test('B2 a host that no rule names may have any port', async () => {
  assert.equal(await statusAt('other.test:8080', [GUARDED, OTHERS]), 200)
  assert.equal(await statusAt('[::1]:8080', [GUARDED, OTHERS]), 200)
  assert.equal(await statusAt('127.0.0.1', [GUARDED, OTHERS]), 200)
})

const ANY_SCHEME = guardedRule('<.*>://app.test/<.*>')

test('B2 a rule for any scheme names its host as well, and so does one of many hosts', async () => {
  const many = guardedRule(`https://<${Array.from({ length: 20 }, (_, i) => `h${i}`).join('|')}>.test/<.*>`)
  const others = openRule('https://<(?!app\\.test/|h[0-9]+\\.test/)[^/]*>/<.*>', 'others')
  assert.equal(await statusAt('app.test', [ANY_SCHEME, others]), 401)
  assert.equal(await statusAt('app.test:8080', [ANY_SCHEME, others]), 400)
  assert.equal(await statusAt('h19.test', [many, others]), 401)
  assert.equal(await statusAt('h19.test:8080', [many, others]), 400)
  const glob = 'access_rules: {matching_strategy: glob, on_multiple_matches: first}\n'
  const rules = [guardedRule('<**>://app.test/<**>'), openRule('https://<**>')]
  assert.equal(await statusAt('app.test:8080', rules, glob), 400)
})

test('B2 a rule for any scheme that names the port, or any port, keeps it', async () => {
  for (const url of ['<.*>://app.test:8080/<.*>', '<.*>://app.test<:[0-9]+>/<.*>']) {
    assert.equal(await statusAt('app.test:8080', [ANY_SCHEME, openRule(url, 'port')]), 200, url)
  }
})

test('Q-20 hosts: exact compares as Oathkeeper does', async () => {
  assert.equal(await statusAt('app.test:8080', [GUARDED, OTHERS], 'hosts: exact\n'), 200)
})
