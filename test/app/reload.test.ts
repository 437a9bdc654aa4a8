/** The reloader: what it reports, when it reads again, and what it keeps after a failure. */
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Config, loadConfig } from '../../src/app/config.ts'
import { createReloader } from '../../src/app/reload.ts'
import { createServices } from '../../src/app/services.ts'
import type { Send } from '../../src/clients/http/message.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { createRuleSources } from '../../src/rules/repositories/sources.ts'
import type { ReloadReport } from '../../src/rules/rulebook.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { realClock } from '../support/clock.ts'
import { waitUntil } from '../support/wait_until.ts'

const CONFIG = `
access_rules: {repositories: [FOLDER/rules.yml], required: true}
authenticators: {anonymous: {enabled: true}}
authorizers: {allow: {enabled: true}}
mutators: {noop: {enabled: true}}
`
const rule = (id: string): string => `- id: ${id}
  match: {url: "https://h/${id}", methods: [GET]}
  authenticators: [{handler: anonymous}]
  authorizer: {handler: allow}
  mutators: [{handler: noop}]
`

function createTestReloader(t: TestContext, onLoad: () => void = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'credence-reload-'))
  const text = CONFIG.replace('FOLDER', folder)
  const write = (name: string, content: string): void => {
    writeFileSync(join(folder, `${name}.new`), content)
    renameSync(join(folder, `${name}.new`), join(folder, name))
  }
  write('credence.yml', text)
  write('rules.yml', rule('a'))
  const { config } = loadConfig({ files: [{ source: 'c', text }], env: {}, flags: new Map() }, HANDLERS)
  const send: Send = async () => ({ kind: 'failed', cause: 'connect', message: 'connection refused' })
  const parts = { config: config as Config, send, fetch: send, clock: realClock, onKeyProblem: () => {} }
  const outcomes: string[] = []
  const reports: ReloadReport[] = []
  const errors: unknown[] = []
  const sources = createRuleSources({ fetch: send, directory: folder, yieldToEventLoop: () => undefined })
  const reloader = createReloader({
    options: { configFiles: [join(folder, 'credence.yml')], flags: new Map(), env: {} },
    startupConfig: parts.config,
    services: createServices(parts).services,
    sources: {
      load(...args) {
        onLoad()
        return sources.load(...args)
      },
    },
    tracing: undefined,
    log: { setLevel: () => {} } as unknown as Log,
    clock: realClock,
    random: () => 0.5,
    onReplaced: () => {},
    onReload: report => {
      outcomes.push(report.outcome)
      reports.push(report)
    },
    onError: error => errors.push(error),
  })
  t.after(() => {
    reloader.close()
    rmSync(folder, { recursive: true })
  })
  return { config: text, reloader, write, reports, outcomes, errors }
}

test('nothing is loaded before the first reload', async t => {
  const { reloader, outcomes } = createTestReloader(t)
  assert.deepEqual([reloader.loaded, reloader.snapshot(), reloader.status().rules], [false, undefined, 0])
  await reloader.reload('signal')
  assert.deepEqual([reloader.loaded, reloader.status().rules, outcomes], [true, 1, ['changed']])
  assert.deepEqual(
    reloader.sourceStates.map(one => one.state),
    ['fresh'],
  )
  assert.equal(reloader.snapshot()?.rules.length, 1)
})

test('a rule set that must not serve is loaded, and has no snapshot', async t => {
  const { reloader, write } = createTestReloader(t)
  write('rules.yml', '[]')
  await reloader.reload('signal')
  assert.deepEqual([reloader.loaded, reloader.snapshot()], [true, undefined])
})

test('a changed file is reloaded; a broken one changes nothing and is reported', async t => {
  const { reloader, write, outcomes, reports } = createTestReloader(t)
  await reloader.reload('signal')
  const { revision } = reloader.status()
  write('rules.yml', rule('a') + rule('b'))
  await waitUntil('both rules are in force', () => reloader.status().rules === 2)
  assert.notEqual(reloader.status().revision, revision)
  await waitUntil('the reload has ended', () => reports.at(-1)?.outcome === 'changed' && reports.length > 1)
  const {
    time,
    duration_ms: _duration,
    ...last
  } = (reloader.status().last_reload ?? {}) as Record<string, unknown>
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
  assert.deepEqual(last, {
    trigger: 'file',
    outcome: 'changed',
    revision: reloader.status().revision,
    previous_revision: revision,
    rules: 2,
    added: 1,
    removed: 0,
    changed: 0,
    changes: ['+b'],
    settings: [],
  })
  write('rules.yml', '- id: [')
  await waitUntil('the broken file is reported', () => reloader.diagnostics.length > 0)
  assert.equal(reloader.snapshot()?.rules.length, 2)
  assert.equal(reloader.sourceStates[0]?.state, 'stale')
  await waitUntil('the reload is reported', () => reports.at(-1)?.outcome === 'partial')
  assert.equal(reloader.lastReload?.successful, false)
  assert.ok((reloader.lastReload?.succeededAtMs ?? 0) > 0, 'the time of the one before')
  assert.ok(outcomes.includes('changed'))
})

test('an unexpected error is reported, and keeps the rules in force', async t => {
  let broken = false
  const { reloader, errors, outcomes } = createTestReloader(t, () => {
    if (broken) throw new Error('bug')
  })
  await reloader.reload('signal')
  broken = true
  await reloader.reload('signal')
  assert.deepEqual([errors.map(String), outcomes.at(-1)], [['Error: bug'], 'rejected'])
  assert.equal(reloader.snapshot()?.rules.length, 1)
  assert.equal(reloader.diagnostics[0]?.severity, 'error')
})

test('a changed setting is named, without its value', async t => {
  const { reloader, write, reports, config } = createTestReloader(t)
  await reloader.reload('start')
  write('credence.yml', `${config}log: {level: debug}\n`)
  await waitUntil('the configuration is read', () => reports.length > 1)
  assert.deepEqual(reports[1]?.changedSettings, ['log.level'])
  write(
    'credence.yml',
    `${config.replace('anonymous: {enabled: true}', 'anonymous: {enabled: true, config: {subject: s3cret}}')}log: {level: debug}\n`,
  )
  await waitUntil('the configuration is read again', () => reports.length > 2)
  assert.deepEqual(reports[2]?.changedSettings, ['authenticators.anonymous'])
  assert.ok(!JSON.stringify(reloader.status()).includes('s3cret'))
})
