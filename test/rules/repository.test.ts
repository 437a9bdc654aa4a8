import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Answered, Failed, OutgoingRequest } from '../../src/clients/http.ts'
import { formatIssue } from '../../src/lib/issue.ts'
import { createRuleSources, filesOf, type LoadedRules, repositoryOf } from '../../src/rules/repository.ts'

const OPENED: readonly (readonly [entry: string, kind: string, stands: string])[] = [
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
  ['s3://bucket/key', 'unusable', 's3:// is not supported'],
  ['ftp://h/r', 'unusable', 'ftp:// is not supported'],
]
for (const [entry, kind, stands] of OPENED) {
  test(`${entry} is ${kind}: ${stands}`, () => {
    const one = repositoryOf(entry, 0, '/here')
    assert.equal(one.kind, kind)
    const found = { file: 'path', inline: 'text', remote: 'url', unusable: 'message' }[one.kind]
    assert.equal((one as unknown as Record<string, unknown>)[found], stands)
  })
}

test('credentials and query of a URL are kept out of its name, and sent as a header', async () => {
  const asked: OutgoingRequest[] = []
  const { load } = sourcesOf([failed('refused')], asked)
  const { issues } = await load(['https://user:p%40ss@h/rules.json?token=secret'])
  assert.deepEqual(issues.map(formatIssue), ['https://h/rules.json: error: cannot be fetched: refused'])
  assert.equal(asked[0]?.url, 'https://h/rules.json?token=secret')
  assert.deepEqual(asked[0]?.headers[1], ['authorization', `Basic ${btoa('user:p@ss')}`])
})

test('files to watch are the local ones, absolute', () => {
  assert.deepEqual(filesOf(['file:///a', 'https://h/b', 'c'], '/here'), ['/a', '/here/c'])
})

const ok = (body: string, headers: Answered['headers'] = []): Answered => ({
  kind: 'answered',
  status: 200,
  headers,
  body,
})
const status = (code: number): Answered => ({ kind: 'answered', status: code, headers: [], body: '' })
const failed = (message: string): Failed => ({ kind: 'failed', cause: 'connect', message })
function sourcesOf(answers: readonly (Answered | Failed)[], asked: OutgoingRequest[] = [], directory = '/') {
  return createRuleSources({
    directory,
    send: async request => answers[asked.push(request) - 1] ?? failed('nobody there'),
  })
}
const ids = (loaded: LoadedRules): readonly string[] => loaded.rules.map(one => one.rule.id)
const URL_A = 'http://h/a.json'

test('repositories are joined in configured order, rules in written order (Q-11)', async () => {
  const { load } = sourcesOf([ok('[{"id":"a"},{"id":"b"}]'), ok('- id: c\n')])
  const loaded = await load([URL_A, 'http://h/b.yml', `inline://${btoa('[{"id":"d"}]')}`])
  assert.deepEqual(ids(loaded), ['a', 'b', 'c', 'd'])
  assert.equal(loaded.complete, true)
  assert.deepEqual(
    loaded.rules.map(one => one.place.source),
    [URL_A, URL_A, 'http://h/b.yml', 'access_rules.repositories[2]'],
  )
})

test('what never was loaded makes the whole incomplete, and the rest is there (Q-17)', async () => {
  const loaded = await sourcesOf([status(404), ok('[{"id":"b"}]')]).load([URL_A, 'http://h/b'])
  assert.equal(loaded.complete, false)
  assert.deepEqual(ids(loaded), ['b'])
  assert.deepEqual(loaded.issues.map(formatIssue), [`${URL_A}: error: answered 404 (it must answer 200)`])
})

test('a repository that fails later keeps its last good rules, and the others follow theirs', async () => {
  const bad: readonly (Answered | Failed)[] = [failed('refused'), status(500), ok('[{"id":'), ok('')]
  for (const answer of bad) {
    const { load } = sourcesOf([ok('[{"id":"a"}]'), ok('[{"id":"b"}]'), answer, ok('[{"id":"c"}]')])
    await load([URL_A, 'http://h/b'])
    const loaded = await load([URL_A, 'http://h/b'])
    assert.deepEqual(ids(loaded), ['a', 'c'])
    assert.equal(loaded.complete, true)
    assert.equal(loaded.issues.length, 1)
  }
})

test('a tag is sent along, and "not modified" means the rules read before', async () => {
  const asked: OutgoingRequest[] = []
  const { load } = sourcesOf([ok('[{"id":"a"}]', [['etag', '"1"']]), status(304)], asked)
  await load([URL_A])
  const loaded = await load([URL_A])
  assert.deepEqual(ids(loaded), ['a'])
  assert.deepEqual(loaded.issues, [])
  assert.deepEqual(
    asked.map(one => one.headers.find(([name]) => name === 'if-none-match')?.[1]),
    [undefined, '"1"'],
  )
})

test('a repository that is taken out loses its rules, and its memory', async () => {
  const asked: OutgoingRequest[] = []
  const { load } = sourcesOf([ok('[{"id":"a"}]', [['etag', '"1"']]), failed('gone')], asked)
  await load([URL_A])
  assert.deepEqual(ids(await load([])), [])
  const again = await load([URL_A])
  assert.ok(!asked[1]?.headers.some(([name]) => name === 'if-none-match'))
  assert.deepEqual(ids(again), [])
  assert.equal(again.complete, false)
})

test('lints of a text are told at every load', async () => {
  const { load } = sourcesOf([ok('[{"idd":"a"}]'), ok('[{"idd":"a"}]')])
  assert.equal((await load([URL_A])).issues.length, 1)
  assert.equal((await load([URL_A])).issues.length, 1)
})

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'credence-repository-'))
  t.after(() => rm(made, { recursive: true }))
  return made
}

test('a file of no bytes is one that is not written yet; only [] empties a set (Q-14)', async t => {
  const here = await directory(t)
  const file = join(here, 'rules.json')
  const { load } = sourcesOf([], [], here)
  await writeFile(file, '[{"id":"a"}]')
  assert.deepEqual(ids(await load(['rules.json'])), ['a'])
  await writeFile(file, '')
  const kept = await load(['rules.json'])
  assert.deepEqual(ids(kept), ['a'])
  assert.deepEqual(kept.issues.map(formatIssue), [
    'rules.json: error: is empty; the rules read before stay in force (write [] for no rules)',
  ])
  await writeFile(file, '[]')
  const emptied = await load(['rules.json'])
  assert.deepEqual(ids(emptied), [])
  assert.deepEqual(emptied.issues, [])
})

test('a deleted file keeps its rules (Q-15)', async t => {
  const here = await directory(t)
  const { load } = sourcesOf([], [], here)
  await writeFile(join(here, 'rules.json'), '[{"id":"a"}]')
  await load(['file://./rules.json'])
  await rm(join(here, 'rules.json'))
  const loaded = await load(['file://./rules.json'])
  assert.deepEqual(ids(loaded), ['a'])
  assert.match(loaded.issues.map(formatIssue).join(), /no such file; the rules read before stay in force/)
})

test('a missing file and a directory are issues, not accidents', async t => {
  const here = await directory(t)
  await mkdir(join(here, 'folder'))
  const { issues, complete } = await sourcesOf([], [], here).load(['none.json', 'folder'])
  assert.equal(complete, false)
  assert.deepEqual(issues.map(formatIssue), [
    'none.json: error: cannot be read: no such file',
    'folder: error: is not a file (name one file per repository)',
  ])
})
