/** scripts/describe_differences — docs/differences.md from the data of the conformance suite. */
import { INTENDED_DIFFERENCES } from '../test/conformance/intended_differences.ts'
import { LEDGER } from '../test/conformance/ledger.ts'
import { PRESERVED_QUIRKS } from '../test/conformance/preserved_quirks.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`

export function renderDifferencesPage(): string {
  const better = INTENDED_DIFFERENCES.map(one =>
    row(one.q, one.subject, one.oathkeeper, one.credence, one.setting || '–'),
  )
  const ledger = LEDGER.map(one =>
    row(one.q, one.behavior, one.reason, one.cases.map(id => `\`${id}\``).join(' ')),
  )
  const kept = PRESERVED_QUIRKS.map(one =>
    row(one.q, one.subject, one.behavior, one.linted ? 'yes' : '–', one.setting || '–'),
  )
  return `# Where Credence differs from Oathkeeper

Rule files and configurations run unchanged, and the conformance suite (\`test/conformance/\`) compares every recorded
decision of a running Oathkeeper with ours. What differs on purpose is here, with its reason; the numbers are stable.

## What is better, and how to get the old way back

| number | about | Oathkeeper | Credence | setting |
|---|---|---|---|---|
${better.join('\n')}

## Recorded decisions that differ

These cases of the suite are not met, on purpose. Any other difference fails the suite.

| number | what | why | cases |
|---|---|---|---|
${ledger.join('\n')}

## Odd, and as it is in Oathkeeper

Rules in production rely on these. Where one can be told from a rule or the configuration, \`credence validate\` says it.

| number | about | what | said by validate | setting |
|---|---|---|---|---|
${kept.join('\n')}
`
}
