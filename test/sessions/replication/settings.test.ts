import assert from 'node:assert/strict'
import test from 'node:test'
import type { Setting } from '../../../src/config/setting.ts'
import { checkRedisSettings, parseRedisNode } from '../../../src/sessions/replication/settings.ts'

for (const [text, expected] of [
  ['redis', { host: 'redis', port: 6379 }],
  ['redis:7000', { host: 'redis', port: 7000 }],
  ['10.0.0.1:1', { host: '10.0.0.1', port: 1 }],
  ['[::1]:6380', { host: '::1', port: 6380 }],
  ['[::1]', { host: '::1', port: 6379 }],
  ['::1', undefined],
  ['redis:0', undefined],
  ['redis:65536', undefined],
  ['redis:', undefined],
  ['redis://redis:6379', undefined],
  ['user:secret@redis:6379', undefined],
  ['', undefined],
] as const) {
  test(`"${text}" is ${expected === undefined ? 'no node' : `${expected.host} at ${expected.port}`}`, () => {
    assert.deepEqual(parseRedisNode(text, 6379), expected)
  })
}

const KEYS = ['a key of thirty-two characters or more']

/** The settings with a problem, where these differ from valid ones. */
const problemKeys = (over: Readonly<Record<string, unknown>>): string[] => {
  const values: Readonly<Record<string, unknown>> = {
    mode: 'single',
    database: 0,
    nodes: ['redis:6379'],
    keys: KEYS,
    ...over,
  }
  const get = <T>({ path }: Setting<T>): T => values[path.replace('sessions.redis.', '')] as T
  return checkRedisSettings({ get }).map(one => one.path.slice(2).join('.'))
}

for (const [what, over, expected] of [
  ['one server with a key', {}, []],
  ['no Redis at all', { nodes: [], keys: [] }, []],
  ['no key', { keys: [] }, ['keys']],
  ['one short key of two', { keys: [...KEYS, 'short'] }, ['keys']],
  ['a URL for a node', { nodes: ['redis://redis:6379'] }, ['nodes']],
  ['two servers that are neither', { nodes: ['a', 'b'] }, ['nodes']],
  ['a cluster', { mode: 'cluster', nodes: ['a', 'b'] }, []],
  ['a cluster with a database', { mode: 'cluster', database: 1 }, ['database']],
  ['sentinels without a name', { mode: 'sentinel' }, ['master']],
  ['sentinels', { mode: 'sentinel', nodes: ['a', 'b'], master: 'main' }, []],
] as const) {
  test(`${what}: ${expected.length === 0 ? 'valid' : `a problem of ${expected}`}`, () => {
    assert.deepEqual(problemKeys(over), expected)
  })
}
