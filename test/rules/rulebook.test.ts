import assert from 'node:assert/strict'
import test from 'node:test'
import type { Snapshot } from '../../src/access/snapshot.ts'
import type { Diagnostic } from '../../src/documents/diagnostic.ts'
import type { AccessRule } from '../../src/rules/document.ts'
import { compareRules } from '../../src/rules/rule_changes.ts'
import {
  createRulebook,
  type LoadResult,
  type ReloadReport,
  type Rulebook,
  type RuleSet,
} from '../../src/rules/rulebook.ts'

const ruleSet = (revision: string, ids: readonly string[] = []): RuleSet => ({
  snapshot: { revision, rules: [] } as unknown as Snapshot,
  rules: ids.map(id => ({ id }) as AccessRule),
  validRules: [],
  ready: true,
})
const diagnostic = { severity: 'error', message: 'broken' } as Diagnostic

function createTestRulebook(answers: (() => Promise<LoadResult>)[]) {
  const outcomes: string[] = []
  const reports: ReloadReport[] = []
  const replaced: (string | undefined)[] = []
  let loads = 0
  const rulebook: Rulebook = createRulebook({
    load: () => (answers[loads++] as () => Promise<LoadResult>)(),
    compare: (before, after) => compareRules(before, after, () => undefined),
    now: () => 0,
    onReplaced: () => replaced.push(rulebook.current?.snapshot.revision),
    onReload: report => {
      outcomes.push(report.outcome)
      reports.push(report)
    },
    toDiagnostic: error => ({ ...diagnostic, message: String(error) }),
  })
  return { rulebook, outcomes, reports, replaced, loadCount: () => loads }
}
const loadOf = (revision: string) => async (): Promise<LoadResult> => ({
  ruleSet: ruleSet(revision),
  diagnostics: [],
})

test('there is no rule set before the first load', async () => {
  const { rulebook } = createTestRulebook([loadOf('1')])
  assert.equal(rulebook.current as unknown, undefined)
  await rulebook.reload('signal')
  assert.equal(rulebook.current?.snapshot.revision, '1')
})

test('a rejected reload keeps the rule set in force and shows its diagnostics', async () => {
  const { rulebook, outcomes } = createTestRulebook([
    loadOf('1'),
    async () => ({ ruleSet: undefined, diagnostics: [diagnostic] }),
  ])
  await rulebook.reload('signal')
  await rulebook.reload('signal')
  assert.equal(rulebook.current?.snapshot.revision, '1')
  assert.deepEqual(rulebook.diagnostics, [diagnostic])
  assert.deepEqual(outcomes, ['changed', 'rejected'])
})

test('the rules are in force while they are linted, and the reload ends with the warnings', async () => {
  const linting = Promise.withResolvers<readonly Diagnostic[]>()
  const { rulebook, outcomes, replaced } = createTestRulebook([
    async () => ({ ...(await loadOf('1')()), lint: () => linting.promise }),
  ])
  const reload = rulebook.reload('signal')
  await new Promise(setImmediate)
  assert.deepEqual(replaced, ['1'])
  assert.equal(rulebook.current?.snapshot.revision, '1')
  assert.deepEqual(outcomes, [])
  linting.resolve([diagnostic])
  assert.deepEqual((await reload).diagnostics, [diagnostic])
  assert.deepEqual(rulebook.diagnostics, [diagnostic])
  assert.deepEqual(outcomes, ['changed'])
})

test('a lint that fails is reported and keeps no rules from serving', async () => {
  const { rulebook, replaced } = createTestRulebook([
    async () => ({ ...(await loadOf('1')()), lint: () => Promise.reject(new Error('bug')) }),
  ])
  const { outcome, diagnostics } = await rulebook.reload('signal')
  assert.equal(outcome, 'changed')
  assert.match(diagnostics[0]?.message ?? '', /bug/)
  assert.deepEqual(replaced, ['1'])
})

test('an unexpected error counts as a rejected reload', async () => {
  const { rulebook } = createTestRulebook([loadOf('1'), () => Promise.reject(new Error('disk'))])
  await rulebook.reload('signal')
  const report = await rulebook.reload('signal')
  assert.equal(report.outcome, 'rejected')
  assert.match(report.diagnostics[0]?.message ?? '', /disk/)
})

test('an unchanged revision leaves the same snapshot in force', async () => {
  const { rulebook, outcomes } = createTestRulebook([loadOf('1'), loadOf('1')])
  await rulebook.reload('signal')
  const before = rulebook.current
  await rulebook.reload('signal')
  assert.equal(rulebook.current, before)
  assert.deepEqual(outcomes, ['changed', 'unchanged'])
})

test('calls during a reload share one further reload', async () => {
  let release = () => {}
  const slow = () =>
    new Promise<LoadResult>(done => (release = () => done({ ruleSet: ruleSet('1'), diagnostics: [] })))
  const { rulebook, loadCount } = createTestRulebook([slow, loadOf('2')])
  const first = rulebook.reload('signal')
  const second = rulebook.reload('signal')
  const third = rulebook.reload('signal')
  release()
  await Promise.all([first, second, third])
  assert.equal(loadCount(), 2)
  assert.equal(rulebook.current?.snapshot.revision, '2')
})

test('a report names the trigger, both revisions, and the rules and settings that changed', async () => {
  const { rulebook, reports } = createTestRulebook([
    async () => ({ ruleSet: ruleSet('1', ['a', 'b']), diagnostics: [] }),
    async () => ({ ruleSet: ruleSet('2', ['b', 'c']), diagnostics: [], changedSettings: ['log.level'] }),
    async () => ({ ruleSet: ruleSet('2', ['b', 'c']), diagnostics: [], changedSettings: ['log.level'] }),
  ])
  await rulebook.reload('start')
  await rulebook.reload('file')
  await rulebook.reload('poll')
  assert.deepEqual(
    reports.map(({ trigger, previousRevision, revision }) => [trigger, previousRevision, revision]),
    [
      ['start', undefined, '1'],
      ['file', '1', '2'],
      ['poll', '2', '2'],
    ],
  )
  assert.deepEqual(reports[1]?.changes, { added: ['c'], removed: ['a'], changed: [] })
  assert.deepEqual(reports[1]?.changedSettings, ['log.level'])
  assert.deepEqual([reports[2]?.changes.added, reports[2]?.changedSettings], [[], []])
})

test('a reload with a repository that cannot be used is partial, whether or not other rules changed', async () => {
  const partial = (revision: string) => async (): Promise<LoadResult> => ({
    ...(await loadOf(revision)()),
    isPartial: true,
  })
  const { rulebook, outcomes } = createTestRulebook([loadOf('1'), partial('1'), partial('2')])
  for (let i = 0; i < 3; i++) await rulebook.reload('poll')
  assert.deepEqual(outcomes, ['changed', 'partial', 'partial'])
  assert.equal(rulebook.current?.snapshot.revision, '2')
})
