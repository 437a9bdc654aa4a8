import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Config, loadConfig } from '../../src/app/config.ts'
import { createRuleSetLoader } from '../../src/app/ruleset.ts'
import { createServices } from '../../src/app/services.ts'
import type { Send } from '../../src/clients/http/message.ts'
import { formatDiagnostic } from '../../src/documents/issue.ts'
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
  const folder = mkdtempSync(join(tmpdir(), 'credence-edition-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const text = CONFIG.replace('FOLDER', folder)
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content)
  write('credence.yml', text)
  write('rules.yml', RULE)
  const { config } = loadConfig({ files: [{ source: 'c', text }], env: {}, flags: new Map() }, HANDLERS)
  const send: Send = async () => ({ kind: 'failed', cause: 'connect', message: 'nobody there' })
  const parts = { config: config as Config, send, fetch: send, clock: fakeClock(), onKeyProblem: () => {} }
  const events: string[] = []
  const { prepare } = createRuleSetLoader({
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
  return { prepare, write, text, heard: events }
}

test('what is as it was is not compiled again, and its issues are told again', async t => {
  const { prepare, write } = createTestLoader(t)
  const first = await prepare()
  const second = await prepare()
  assert.ok(first.ruleSet !== undefined)
  assert.equal(second.ruleSet?.snapshot, first.ruleSet.snapshot)
  assert.deepEqual(second.diagnostics, first.diagnostics)
  assert.match(first.diagnostics[0]?.message ?? '', /no id/)
  write('rules.yml', RULE.replace('https', 'http'))
  const third = await prepare()
  assert.notEqual(third.ruleSet?.snapshot, first.ruleSet.snapshot)
})

test('a changed configuration compiles the same rules anew', async t => {
  const { prepare, write, text } = createTestLoader(t)
  const first = await prepare()
  write('credence.yml', text.replace('anonymous: {enabled: true}', 'noop: {enabled: true}'))
  const second = await prepare()
  assert.notEqual(second.ruleSet?.snapshot.revision, first.ruleSet?.snapshot.revision)
  assert.match(second.diagnostics.map(issue => issue.message).join(), /"anonymous" is not enabled/)
})

test('files are told before they are read, and how the reading went after it', async t => {
  const { prepare, heard } = createTestLoader(t)
  await prepare()
  assert.deepEqual(heard, [
    'watch credence.yml,rules.yml',
    'watch credence.yml,rules.yml',
    'read fresh every 7000',
  ])
})

test('what changes before a file is watched is read', async t => {
  const written: string[] = []
  const editions: ReturnType<typeof createTestLoader> = createTestLoader(t, () =>
    editions.write('credence.yml', written.join()),
  )
  written.push(editions.text.replace('anonymous: {enabled: true}', 'noop: {enabled: true}'))
  const { diagnostics: issues } = await editions.prepare()
  assert.match(issues.map(issue => issue.message).join(), /"anonymous" is not enabled/)
})

test('a set without rules is in force, and said to be one', async t => {
  const { prepare, write } = createTestLoader(t)
  write('rules.yml', '# none yet')
  const { ruleSet: edition, diagnostics: issues } = await prepare()
  assert.deepEqual(edition?.snapshot.rules, [])
  assert.match(
    issues.map(formatDiagnostic).join('\n'),
    /^\S+credence\.yml:2:\d+: warning: access_rules\.repositories: there are no rules: every request is answered with 404/,
  )
})
