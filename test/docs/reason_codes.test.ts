/** Tests that the life of a Check in ARCHITECTURE.md and docs/troubleshooting.md treat every reason code. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const union = read('src/access/denial.ts').split('export type ReasonCode')[1]?.split('\n\n')[0] ?? ''
const codes = [...union.matchAll(/'(\w+)'/g)].map(match => match[1] as string)

for (const page of ['ARCHITECTURE.md', 'docs/troubleshooting.md']) {
  test(`${page} treats every reason code`, () => {
    assert.ok(codes.length > 15)
    const text = read(page)
    assert.deepEqual(
      codes.filter(code => !new RegExp(`\\b${code}\\b`).test(text)),
      [],
    )
  })
}
