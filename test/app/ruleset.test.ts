import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Config, loadConfig } from '../../src/app/config.ts'
import { createRuleSetLoader } from '../../src/app/ruleset.ts'
import { createServices } from '../../src/app/services.ts'
import type { Send } from '../../src/clients/http/message.ts'
import { formatDiagnostic } from '../../src/documents/diagnostic.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { createRuleSources } from '../../src/rules/repositories/sources.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { fakeClock } from '../support/clock.ts'

const CONFIG = `
access_rules: {repositories: [FOLDER/rules.yml], poll_interval: 7s}
authenticators: {anonymous: {enabled: true}}
authorizers: {allow: {enabled: true}}
mutators: {noop: {enabled: true}}
`
const RULE = `- match: {url: "https://h/<.*>", methods: [GET]}
  authenticators: [{handler: anonymous}]
  authorizer: {handler: allow}
  mutators: [{handler: noop}]
`

/** `whileWatching` runs when the files are watched for the first time. */
function createTestLoader(t: TestContext, whileWatching = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-ruleset-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const text = CONFIG.replace('FOLDER', folder)
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content)
  write('credence.yml', text)
  write('rules.yml', RULE)
  const { config } = loadConfig({ files: [{ source: 'c', text }], env: {}, flags: new Map() }, HANDLERS)
  const send: Send = async () => ({ kind: 'failed', cause: 'connect', message: 'connection refused' })
  const parts = { config: config as Config, send, fetch: send, clock: fakeClock(), onKeyProblem: () => {} }
  const events: string[] = []
  const { load } = createRuleSetLoader({
    options: { configFiles: [join(folder, 'credence.yml')], flags: new Map(), env: {} },
    startupConfig: parts.config,
    services: createServices(parts).services,
    sources: createRuleSources({ fetch: send, directory: folder, yieldToEventLoop: () => undefined }),
    tracing: undefined,
    log: { setLevel: () => {} } as unknown as Log,
    async ensureWatched(files) {
      const line = `watch ${files.map(file => file.replace(`${folder}/`, '')).join()}`
      const known = events.includes(line)
      events.push(line)
      if (!known) whileWatching()
      return !known
    },
    onRepositoriesLoaded: (states, interval) =>
      events.push(`read ${states.map(one => one.state).join()} every ${interval}`),
  })
  return { load, write, text, events }
}

test('unchanged texts are not compiled or linted again, and their diagnostics are reported again', async t => {
  const { load, write } = createTestLoader(t)
  const first = await load()
  const warnings = await first.lint?.()
  const second = await load()
  assert.ok(first.ruleSet !== undefined)
  assert.equal(second.ruleSet?.snapshot, first.ruleSet.snapshot)
  assert.deepEqual(second.diagnostics, [...first.diagnostics, ...(warnings ?? [])])
  assert.equal(second.lint, undefined)
  assert.match(second.diagnostics[0]?.message ?? '', /no id/)
  write('rules.yml', RULE.replace('https', 'http'))
  const third = await load()
  assert.notEqual(third.ruleSet?.snapshot, first.ruleSet.snapshot)
})

test('a changed configuration compiles unchanged rules again', async t => {
  const { load, write, text } = createTestLoader(t)
  const first = await load()
  write('credence.yml', text.replace('anonymous: {enabled: true}', 'noop: {enabled: true}'))
  const second = await load()
  assert.notEqual(second.ruleSet?.snapshot.revision, first.ruleSet?.snapshot.revision)
  assert.match(second.diagnostics.map(({ message }) => message).join(), /"anonymous" is not enabled/)
})

test('files are watched before they are read, and the state of the repositories is reported afterwards', async t => {
  const { load, events } = createTestLoader(t)
  await load()
  assert.deepEqual(events, [
    'watch credence.yml,rules.yml',
    'watch credence.yml,rules.yml',
    'read fresh every 7000',
  ])
})

test('a change between reading a file and watching it is not lost', async t => {
  const written: string[] = []
  const loader: ReturnType<typeof createTestLoader> = createTestLoader(t, () =>
    loader.write('credence.yml', written.join()),
  )
  written.push(loader.text.replace('anonymous: {enabled: true}', 'noop: {enabled: true}'))
  const { diagnostics } = await loader.load()
  assert.match(diagnostics.map(({ message }) => message).join(), /"anonymous" is not enabled/)
})

test('a rule set without rules is in force, with a warning', async t => {
  const { load, write } = createTestLoader(t)
  write('rules.yml', '# none yet\n[]')
  const { ruleSet, diagnostics } = await load()
  assert.deepEqual(ruleSet?.snapshot.rules, [])
  assert.match(
    diagnostics.map(formatDiagnostic).join('\n'),
    /^\S+credence\.yml:2:\d+: warning: access_rules\.repositories: there are no rules: every request is answered with 404/,
  )
})
