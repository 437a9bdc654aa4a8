import assert from 'node:assert/strict'
import test from 'node:test'
import type { Snapshot } from '../../src/access/snapshot.ts'
import type { Issue } from '../../src/documents/issue.ts'
import { createRulebook, type Edition, type Prepared } from '../../src/rules/rulebook.ts'

const edition = (revision: string): Edition => ({
  snapshot: { revision, rules: [] } as unknown as Snapshot,
  listed: [],
  ready: true,
})
const issue = { severity: 'error', message: 'broken' } as Issue

function bookOf(answers: (() => Promise<Prepared>)[]) {
  const outcomes: string[] = []
  let asked = 0
  const book = createRulebook({
    prepare: () => (answers[asked++] as () => Promise<Prepared>)(),
    now: () => 0,
    reported: report => outcomes.push(report.outcome),
    accident: error => ({ ...issue, message: String(error) }),
  })
  return { book, outcomes, asked: () => asked }
}
const good = (revision: string) => async (): Promise<Prepared> => ({ edition: edition(revision), issues: [] })

test('there is no edition before the first load, and the new one after it', async () => {
  const { book } = bookOf([good('1')])
  assert.equal(book.current as unknown, undefined)
  await book.reload()
  assert.equal(book.current?.snapshot.revision, '1')
})

test('a refused reload keeps the edition in force and shows its issues', async () => {
  const { book, outcomes } = bookOf([good('1'), async () => ({ edition: undefined, issues: [issue] })])
  await book.reload()
  await book.reload()
  assert.equal(book.current?.snapshot.revision, '1')
  assert.deepEqual(book.issues, [issue])
  assert.deepEqual(outcomes, ['changed', 'refused'])
})

test('an accident while preparing counts as a refusal', async () => {
  const { book } = bookOf([good('1'), () => Promise.reject(new Error('disk'))])
  await book.reload()
  const report = await book.reload()
  assert.equal(report.outcome, 'refused')
  assert.match(report.issues[0]?.message ?? '', /disk/)
})

test('equal texts leave the very same snapshot in force', async () => {
  const { book, outcomes } = bookOf([good('1'), good('1')])
  await book.reload()
  const before = book.current
  await book.reload()
  assert.equal(book.current, before)
  assert.deepEqual(outcomes, ['changed', 'unchanged'])
})

test('changes during a reload lead to exactly one more', async () => {
  let release = () => {}
  const slow = () =>
    new Promise<Prepared>(done => (release = () => done({ edition: edition('1'), issues: [] })))
  const { book, asked } = bookOf([slow, good('2')])
  const first = book.reload()
  const second = book.reload()
  const third = book.reload()
  release()
  await Promise.all([first, second, third])
  assert.equal(asked(), 2)
  assert.equal(book.current?.snapshot.revision, '2')
})
