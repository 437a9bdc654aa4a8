/** Writes docs/differences.md from the data of the conformance suite. */
import { INTENDED_DIFFERENCES } from '../test/conformance/intended_differences.ts'
import { LEDGER } from '../test/conformance/ledger.ts'
import { PRESERVED_QUIRKS } from '../test/conformance/preserved_quirks.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`

/** The text of the page, in Markdown. */
export function renderDifferencesPage(): string {
  const intended = INTENDED_DIFFERENCES.map(one =>
    row(one.q, one.subject, one.oathkeeper, one.credence, one.setting || '–'),
  )
  const recorded = LEDGER.map(one =>
    row(one.q, one.behavior, one.reason, one.cases.map(id => `\`${id}\``).join(' ')),
  )
  const preserved = PRESERVED_QUIRKS.map(one =>
    row(one.q, one.subject, one.behavior, one.linted ? 'yes' : '–', one.setting || '–'),
  )
  return `# Where Credence differs from Oathkeeper

This page is for operators who migrate from Oathkeeper. Rule files and configurations run unchanged. The
conformance suite in \`test/conformance/\` compares every recorded decision of a running Oathkeeper with that of
Credence; this page lists all intended differences. The numbers are stable, and
[Oathkeeper's behaviour](oathkeeper.md) explains them in detail.

## Changed behaviour

The column *setting* names what restores Oathkeeper's behaviour.

| number | area | Oathkeeper | Credence | setting |
|---|---|---|---|---|
${intended.join('\n')}

## Recorded decisions that differ

The suite does not meet these cases, on purpose. Any other difference fails the suite.

| number | Credence | reason | cases |
|---|---|---|---|
${recorded.join('\n')}

## Preserved behaviour

These quirks of Oathkeeper stay, because rules in production rely on them. \`credence validate\` reports those
that can be found in a rule or in the configuration. The column *setting* names what changes the behaviour.

| number | area | behaviour | reported by validate | setting |
|---|---|---|---|---|
${preserved.join('\n')}
`
}
