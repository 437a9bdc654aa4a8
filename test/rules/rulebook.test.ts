import assert from 'node:assert/strict'
import test from 'node:test'
import type { Snapshot } from '../../src/access/snapshot.ts'
import type { Diagnostic } from '../../src/documents/diagnostic.ts'
import { createRulebook, type LoadResult, type RuleSet } from '../../src/rules/rulebook.ts'

const ruleSet = (revision: string): RuleSet => ({
  snapshot: { revision, rules: [] } as unknown as Snapshot,
  validRules: [],
  ready: true,
})
const issue = { severity: 'error', message: 'broken' } as Diagnostic

function createTestRulebook(answers: (() => Promise<LoadResult>)[]) {
  const outcomes: string[] = []
  let loads = 0
  const book = createRulebook({
    load: () => (answers[loads++] as () => Promise<LoadResult>)(),
    now: () => 0,
    onReload: report => outcomes.push(report.outcome),
    toDiagnostic: error => ({ ...issue, message: String(error) }),
  })
  return { book, outcomes, asked: () => loads }
}
const loadOf = (revision: string) => async (): Promise<LoadResult> => ({
  ruleSet: ruleSet(revision),
  diagnostics: [],
})

test('there is no rule set before the first load', async () => {
  const { book } = createTestRulebook([loadOf('1')])
  assert.equal(book.current as unknown, undefined)
  await book.reload()
  assert.equal(book.current?.snapshot.revision, '1')
})

test('a rejected reload keeps the rule set in force and shows its diagnostics', async () => {
  const { book, outcomes } = createTestRulebook([
    loadOf('1'),
    async () => ({ ruleSet: undefined, diagnostics: [issue] }),
  ])
  await book.reload()
  await book.reload()
  assert.equal(book.current?.snapshot.revision, '1')
  assert.deepEqual(book.diagnostics, [issue])
  assert.deepEqual(outcomes, ['changed', 'refused'])
})

test('an unexpected error counts as a rejected reload', async () => {
  const { book } = createTestRulebook([loadOf('1'), () => Promise.reject(new Error('disk'))])
  await book.reload()
  const report = await book.reload()
  assert.equal(report.outcome, 'refused')
  assert.match(report.diagnostics[0]?.message ?? '', /disk/)
})

test('an unchanged revision leaves the same snapshot in force', async () => {
  const { book, outcomes } = createTestRulebook([loadOf('1'), loadOf('1')])
  await book.reload()
  const before = book.current
  await book.reload()
  assert.equal(book.current, before)
  assert.deepEqual(outcomes, ['changed', 'unchanged'])
})

test('calls during a reload share one further reload', async () => {
  let release = () => {}
  const slow = () =>
    new Promise<LoadResult>(done => (release = () => done({ ruleSet: ruleSet('1'), diagnostics: [] })))
  const { book, asked } = createTestRulebook([slow, loadOf('2')])
  const first = book.reload()
  const second = book.reload()
  const third = book.reload()
  release()
  await Promise.all([first, second, third])
  assert.equal(asked(), 2)
  assert.equal(book.current?.snapshot.revision, '2')
})
