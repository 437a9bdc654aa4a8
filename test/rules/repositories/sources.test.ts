import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../../src/clients/http/message.ts'
import { createObjectStoreClient } from '../../../src/clients/objects/client.ts'
import { formatDiagnostic } from '../../../src/documents/diagnostic.ts'
import { createRuleSources, type LoadedRules } from '../../../src/rules/repositories/sources.ts'
import { startObjectStore } from '../../support/object_store.ts'

test('the name of a URL has neither credentials nor query; the credentials are sent as a header', async () => {
  const requests: OutgoingRequest[] = []
  const { load } = createTestSources([failedAnswer('refused')], requests)
  const { diagnostics } = await load(['https://user:p%40ss@h/rules.json?token=secret'])
  assert.deepEqual(diagnostics.map(formatDiagnostic), [
    'https://h/rules.json: error: cannot be fetched: refused',
  ])
  assert.equal(requests[0]?.url, 'https://h/rules.json?token=secret')
  assert.deepEqual(requests[0]?.headers[1], ['authorization', `Basic ${btoa('user:p@ss')}`])
})

const okAnswer = (body: string, headers: HttpResponse['headers'] = []): HttpResponse => ({
  kind: 'answered',
  status: 200,
  headers,
  body,
})
const statusAnswer = (code: number): HttpResponse => ({
  kind: 'answered',
  status: code,
  headers: [],
  body: '',
})
const failedAnswer = (message: string): HttpFailure => ({ kind: 'failed', cause: 'connect', message })
function createTestSources(
  answers: readonly (HttpResponse | HttpFailure)[],
  requests: OutgoingRequest[] = [],
  directory = '/',
) {
  return createRuleSources({
    directory,
    yieldToEventLoop: () => undefined,
    fetch: async request => answers[requests.push(request) - 1] ?? failedAnswer('connection refused'),
  })
}
const ids = (loaded: LoadedRules): readonly string[] => loaded.rules.map(one => one.rule.id)
const URL_A = 'http://h/a.json'

test('rules keep the order of the repositories and of their documents (Q-11)', async () => {
  const { load } = createTestSources([okAnswer('[{"id":"a"},{"id":"b"}]'), okAnswer('- id: c\n')])
  const loaded = await load([URL_A, 'http://h/b.yml', `inline://${btoa('[{"id":"d"}]')}`])
  assert.deepEqual(ids(loaded), ['a', 'b', 'c', 'd'])
  assert.equal(loaded.allLoaded, true)
  assert.deepEqual(
    loaded.rules.map(one => one.location.source),
    [URL_A, URL_A, 'http://h/b.yml', 'access_rules.repositories[2]'],
  )
})

test('with a repository that was never loaded, the set is incomplete and has the rules of the others (Q-17)', async () => {
  const loaded = await createTestSources([statusAnswer(404), okAnswer('[{"id":"b"}]')]).load([
    URL_A,
    'http://h/b',
  ])
  assert.equal(loaded.allLoaded, false)
  assert.deepEqual(ids(loaded), ['b'])
  assert.deepEqual(loaded.diagnostics.map(formatDiagnostic), [
    `${URL_A}: error: answered 404 (check the address)`,
  ])
})

test('a repository that fails later keeps its previous rules, and the others are updated (F8)', async () => {
  const bad: readonly (HttpResponse | HttpFailure)[] = [
    failedAnswer('refused'),
    statusAnswer(500),
    okAnswer('[{"id":'),
    okAnswer(''),
  ]
  for (const answer of bad) {
    const { load } = createTestSources([
      okAnswer('[{"id":"a"}]'),
      okAnswer('[{"id":"b"}]'),
      answer,
      okAnswer('[{"id":"c"}]'),
    ])
    await load([URL_A, 'http://h/b'])
    const loaded = await load([URL_A, 'http://h/b'])
    assert.deepEqual(ids(loaded), ['a', 'c'])
    assert.equal(loaded.allLoaded, true)
    assert.equal(loaded.diagnostics.length, 1)
  }
})

test('a banner of comments is read in linear time (Q-14)', async () => {
  const before = performance.now()
  for (const banner of ['#'.repeat(28), '#'.repeat(100_000), '\n'.repeat(100_000), ' '.repeat(100_000)]) {
    const { load } = createTestSources([okAnswer(`${banner}\n- {id: a}\n`)], [])
    assert.deepEqual(ids(await load([URL_A])), ['a'])
  }
  // Milliseconds in linear time; an expression that tries all ways to split the first banner takes fifteen seconds.
  assert.ok(performance.now() - before < 5_000)
})

test('an entity tag is sent, and a 304 keeps the previous rules (Q-12)', async () => {
  const requests: OutgoingRequest[] = []
  const { load } = createTestSources(
    [okAnswer('[{"id":"a"}]', [['etag', '"1"']]), statusAnswer(304)],
    requests,
  )
  await load([URL_A])
  const loaded = await load([URL_A])
  assert.deepEqual(ids(loaded), ['a'])
  assert.deepEqual(loaded.diagnostics, [])
  assert.deepEqual(
    requests.map(one => one.headers.find(([name]) => name === 'if-none-match')?.[1]),
    [undefined, '"1"'],
  )
})

const conditionalHeaders = (request: OutgoingRequest | undefined) =>
  request?.headers.filter(([name]) => name.startsWith('if-')).map(([, value]) => value)

test('without an entity tag, the date is sent', async () => {
  const requests: OutgoingRequest[] = []
  const date = 'Wed, 25 Nov 2026 01:00:00 GMT'
  const { load } = createTestSources([okAnswer('[]', [['last-modified', date]]), statusAnswer(304)], requests)
  await load([URL_A])
  await load([URL_A])
  assert.deepEqual(requests.map(conditionalHeaders), [[], [date]])
})

test('a text that cannot be decoded is fetched and reported again until it can be decoded', async () => {
  const requests: OutgoingRequest[] = []
  const bad = okAnswer('[{"id":', [['etag', '"2"']])
  const { load } = createTestSources([okAnswer('[{"id":"a"}]', [['etag', '"1"']]), bad, bad], requests)
  await load([URL_A])
  for (let i = 0; i < 2; i++) {
    const loaded = await load([URL_A])
    assert.deepEqual([ids(loaded), loaded.diagnostics.length], [['a'], 1])
  }
  assert.deepEqual(requests.map(conditionalHeaders), [[], ['"1"'], ['"1"']])
})

test('a 304 without a conditional request is an error', async () => {
  const loaded = await createTestSources([statusAnswer(304)]).load([URL_A])
  assert.equal(loaded.allLoaded, false)
  assert.deepEqual(loaded.diagnostics.map(formatDiagnostic), [
    `${URL_A}: error: answered 304 (it must answer 200)`,
  ])
})

test('each repository has a state, and its errors are reported at its entry', async () => {
  const answers = [
    okAnswer('[{"id":"a"}]'),
    okAnswer('[{"id":"b"}]'),
    statusAnswer(403),
    statusAnswer(403),
    statusAnswer(503),
  ]
  const { load } = createTestSources(answers)
  await load([URL_A, 'http://h/b'])
  const locate = (index: number) => ({ source: 'c.yml', line: 7 + index, column: 3, path: `r[${index}]` })
  const { states, diagnostics } = await load([URL_A, 'http://h/b', 's3://bucket/c'], locate)
  assert.deepEqual(
    states.map(({ source, kind, state, rules, fault }) => [source, kind, state, rules, fault]),
    [
      [URL_A, 'remote', 'stale', 1, 'answered 403'],
      ['http://h/b', 'remote', 'stale', 1, 'answered 403'],
      ['s3://bucket/c', 'remote', 'missing', 0, 'answered 503'],
    ],
  )
  assert.deepEqual(diagnostics.map(formatDiagnostic).slice(1), [
    'c.yml:8:3: error: r[1]: http://h/b answered 403; its previous rules stay in force (check the credentials)',
    'c.yml:9:3: error: r[2]: s3://bucket/c answered 503 (it must answer 200)',
  ])
})

test('equal texts have equal digests, whatever their entity tag', async () => {
  const { load } = createTestSources([
    okAnswer('[]', [['etag', '"1"']]),
    okAnswer('[]', [['etag', '"2"']]),
    okAnswer('[] '),
  ])
  const digests: (readonly string[])[] = []
  for (let i = 0; i < 3; i++) digests.push((await load([URL_A])).digests)
  assert.deepEqual(digests[0], digests[1])
  assert.notDeepEqual(digests[1], digests[2])
})

test('an object of a store is loaded like other remote repositories, and keeps its rules while the store fails', async t => {
  const store = await startObjectStore()
  const objects = createObjectStoreClient({ AZURE_STORAGE_ACCOUNT: 'a', AZURE_STORAGE_KEY: btoa('k') })
  t.after(() => {
    objects.close()
    return store.close()
  })
  const { load } = createRuleSources({
    fetch: objects.send,
    directory: '/',
    yieldToEventLoop: () => undefined,
  })
  const repositories = [`azblob://rules/a.json?domain=${store.host}`]
  store.object.body = '[{"id":"a"}]'
  assert.deepEqual(ids(await load(repositories)), ['a'])
  assert.deepEqual((await load(repositories)).diagnostics, [])
  assert.equal(store.contentReads.length, 1, 'the second response has no content')
  store.object.status = 403
  const kept = await load(repositories)
  assert.deepEqual([ids(kept), kept.states[0]?.state], [['a'], 'stale'])
  Object.assign(store.object, { status: 200, etag: '"2"', body: '[{"id":"b"}]' })
  assert.deepEqual(ids(await load(repositories)), ['b'])
})

test('a removed repository loses its rules and its cached document', async () => {
  const requests: OutgoingRequest[] = []
  const { load } = createTestSources(
    [okAnswer('[{"id":"a"}]', [['etag', '"1"']]), failedAnswer('gone')],
    requests,
  )
  await load([URL_A])
  assert.deepEqual(ids(await load([])), [])
  const again = await load([URL_A])
  assert.ok(!requests[1]?.headers.some(([name]) => name === 'if-none-match'))
  assert.deepEqual(ids(again), [])
  assert.equal(again.allLoaded, false)
})

test('diagnostics of an unchanged text are reported at every load', async () => {
  const { load } = createTestSources([okAnswer('[{"idd":"a"}]'), okAnswer('[{"idd":"a"}]')])
  assert.equal((await load([URL_A])).diagnostics.length, 1)
  assert.equal((await load([URL_A])).diagnostics.length, 1)
})

async function temporaryDirectory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'credence-repository-'))
  t.after(() => rm(made, { recursive: true }))
  return made
}

test('an empty file counts as not written yet; only [] removes all rules (Q-14)', async t => {
  const here = await temporaryDirectory(t)
  const file = join(here, 'rules.json')
  const { load } = createTestSources([], [], here)
  await writeFile(file, '[{"id":"a"}]')
  assert.deepEqual(ids(await load(['rules.json'])), ['a'])
  await writeFile(file, '')
  const kept = await load(['rules.json'])
  assert.deepEqual(ids(kept), ['a'])
  assert.deepEqual(kept.diagnostics.map(formatDiagnostic), [
    'rules.json: error: is empty; its previous rules stay in force (write [] for no rules)',
  ])
  for (const text of ['\n \n', '# to be written\n', '---\n', '---\n# later\n\n']) {
    await writeFile(file, text)
    assert.deepEqual(ids(await load(['rules.json'])), ['a'], JSON.stringify(text))
  }
  await writeFile(file, '[]')
  const emptied = await load(['rules.json'])
  assert.deepEqual(ids(emptied), [])
  assert.deepEqual(emptied.diagnostics, [])
})

test('a deleted file keeps its rules (Q-15)', async t => {
  const here = await temporaryDirectory(t)
  const { load } = createTestSources([], [], here)
  await writeFile(join(here, 'rules.json'), '[{"id":"a"}]')
  await load(['file://./rules.json'])
  await rm(join(here, 'rules.json'))
  const loaded = await load(['file://./rules.json'])
  assert.deepEqual(ids(loaded), ['a'])
  assert.match(
    loaded.diagnostics.map(formatDiagnostic).join(),
    /does not exist; its previous rules stay in force/,
  )
})

test('a missing file and a directory are reported as errors', async t => {
  const here = await temporaryDirectory(t)
  await mkdir(join(here, 'folder'))
  const { diagnostics, allLoaded: complete } = await createTestSources([], [], here).load([
    'none.json',
    'folder',
  ])
  assert.equal(complete, false)
  assert.deepEqual(diagnostics.map(formatDiagnostic), [
    `none.json: error: cannot be read: the file does not exist (it resolves to ${join(here, 'none.json')})`,
    'folder: error: is not a file (name one file per repository)',
  ])
})
