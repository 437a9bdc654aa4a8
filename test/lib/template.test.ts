/** test/lib/template — what Oathkeeper and Go print for a template, and what they refuse. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { parseTemplate, TemplateError } from '../../src/lib/template.ts'
import { dataOf, type RowData } from './template_session.ts'

interface Row {
  readonly id: string
  readonly template: string
  /** Missing: the standard session. */
  readonly data?: RowData
  readonly expect?: string
  /** Refused at load or failing when rendered. */
  readonly error?: true
}

const rows = readFileSync(new URL('./template_cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Row)

// Dates of the rows are shown in UTC.
process.env.TZ = 'UTC'

const clock = { wall: () => Date.UTC(2026, 0, 2, 3, 4, 5) as never }

test('every template prints what Go prints', async t => {
  for (const row of rows) {
    await t.test(`${row.id} ${row.template}`, () => {
      const run = () => parseTemplate(row.template, { clock }).render(dataOf(row.data))
      if (row.error === true) assert.throws(run, TemplateError)
      else assert.equal(run(), row.expect)
    })
  }
})
