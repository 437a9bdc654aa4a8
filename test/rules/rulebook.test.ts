import assert from 'node:assert/strict'
import test from 'node:test'
import type { Snapshot } from '../../src/access/snapshot.ts'
import type { Diagnostic } from '../../src/documents/diagnostic.ts'
import { createRulebook, type LoadResult, type Rulebook, type RuleSet } from '../../src/rules/rulebook.ts'

const ruleSet = (revision: string): RuleSet => ({
  snapshot: { revision, rules: [] } as unknown as Snapshot,
  validRules: [],
  ready: true,
})
const diagnostic = { severity: 'error', message: 'broken' } as Diagnostic

function createTestRulebook(answers: (() => Promise<LoadResult>)[]) {
  const outcomes: string[] = []
  const replaced: (string | undefined)[] = []
  let loads = 0
  const rulebook: Rulebook = createRulebook({
    load: () => (answers[loads++] as () => Promise<LoadResult>)(),
    now: () => 0,
    onReplaced: () => replaced.push(rulebook.current?.snapshot.revision),
    onReload: report => outcomes.push(report.outcome),
    toDiagnostic: error => ({ ...diagnostic, message: String(error) }),
  })
  return { rulebook, outcomes, replaced, loadCount: () => loads }
}
const loadOf = (revision: string) => async (): Promise<LoadResult> => ({
  ruleSet: ruleSet(revision),
  diagnostics: [],
})

test('there is no rule set before the first load', async () => {
  const { rulebook } = createTestRulebook([loadOf('1')])
  assert.equal(rulebook.current as unknown, undefined)
  await rulebook.reload()
  assert.equal(rulebook.current?.snapshot.revision, '1')
})

test('a rejected reload keeps the rule set in force and shows its diagnostics', async () => {
  const { rulebook, outcomes } = createTestRulebook([
    loadOf('1'),
    async () => ({ ruleSet: undefined, diagnostics: [diagnostic] }),
  ])
  await rulebook.reload()
  await rulebook.reload()
  assert.equal(rulebook.current?.snapshot.revision, '1')
  assert.deepEqual(rulebook.diagnostics, [diagnostic])
  assert.deepEqual(outcomes, ['changed', 'rejected'])
})

test('the rules are in force while they are linted, and the reload ends with the warnings', async () => {
  const linting = Promise.withResolvers<readonly Diagnostic[]>()
  const { rulebook, outcomes, replaced } = createTestRulebook([
    async () => ({ ...(await loadOf('1')()), lint: () => linting.promise }),
  ])
  const reload = rulebook.reload()
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
  const { outcome, diagnostics } = await rulebook.reload()
  assert.equal(outcome, 'changed')
  assert.match(diagnostics[0]?.message ?? '', /bug/)
  assert.deepEqual(replaced, ['1'])
})

test('an unexpected error counts as a rejected reload', async () => {
  const { rulebook } = createTestRulebook([loadOf('1'), () => Promise.reject(new Error('disk'))])
  await rulebook.reload()
  const report = await rulebook.reload()
  assert.equal(report.outcome, 'rejected')
  assert.match(report.diagnostics[0]?.message ?? '', /disk/)
})

test('an unchanged revision leaves the same snapshot in force', async () => {
  const { rulebook, outcomes } = createTestRulebook([loadOf('1'), loadOf('1')])
  await rulebook.reload()
  const before = rulebook.current
  await rulebook.reload()
  assert.equal(rulebook.current, before)
  assert.deepEqual(outcomes, ['changed', 'unchanged'])
})

test('calls during a reload share one further reload', async () => {
  let release = () => {}
  const slow = () =>
    new Promise<LoadResult>(done => (release = () => done({ ruleSet: ruleSet('1'), diagnostics: [] })))
  const { rulebook, loadCount } = createTestRulebook([slow, loadOf('2')])
  const first = rulebook.reload()
  const second = rulebook.reload()
  const third = rulebook.reload()
  release()
  await Promise.all([first, second, third])
  assert.equal(loadCount(), 2)
  assert.equal(rulebook.current?.snapshot.revision, '2')
})
