/** S2-15 (H2, G13): what one request can make a template cost, in CPU time. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { parseTemplate, TemplateError } from '../../src/gotemplate/template.ts'
import { templateDataFor } from '../gotemplate/session.ts'

/** As long as headers of a client may be. */
const SIZE = 56_000
const SUBJECTS = ['a'.repeat(SIZE), '1,'.repeat(SIZE / 2), '/'.repeat(SIZE), 'é '.repeat(SIZE / 3)]

/** Several times what is measured, some 30 ms at most, because other processes share the caches of a CPU. */
const MAX_CPU_MS = 150

const EXPENSIVE = [
  '{{ regexReplaceAll "[^a-z]+" .Subject "" }}',
  '{{ regexFind "[0-9]+x" .Subject }}',
  '{{ mustRegexMatch (repeat 500 "a?") .Subject }}',
  '{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}',
  '{{ .Subject | wrapWith 1 "xx" }}',
  '{{ .Subject | split "" }}',
  '{{ .Subject | splitList "" | chunk 1 | len }}',
  '{{ range until 500 }}{{ contains "x-y-z" $.Subject }}{{ end }}',
  '{{ range until 500 }}{{ sha256sum $.Subject }}{{ end }}',
  '{{ range until 20 }}{{ b64dec $.Subject | len }}{{ end }}',
  '{{ range until 20 }}{{ snakecase $.Subject | len }}{{ end }}',
  '{{ range until 20 }}{{ toJson $.Subject | fromJson | len }}{{ end }}',
  '{{ range until 500 }}{{ (urlParse $.Subject).host }}{{ end }}',
  '{{ range until 500 }}{{ toDate "2006-01-02" "2026-01-02" | date "2006-01-02" }}{{ end }}',
]

function cpuMsOf(run: () => void): number {
  const before = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

for (const text of EXPENSIVE) {
  test(`S2-15 ${text} is cheap or an error for every subject`, () => {
    const template = parseTemplate(text)
    for (const subject of SUBJECTS) {
      const data = templateDataFor({ subject })
      const render = (): void => {
        try {
          template.render(data)
        } catch (error) {
          assert.ok(error instanceof TemplateError)
          assert.match(error.message, /runs for too long|is longer than|parse|invalid/)
        }
      }
      // The better of two: the first one may compile the code that it runs.
      const cpuMs = Math.min(cpuMsOf(render), cpuMsOf(render))
      assert.ok(cpuMs < MAX_CPU_MS, `${cpuMs} ms for ${subject.slice(0, 2)}…`)
    }
  })
}

test('S2-15 ordinary templates keep far from the limits', () => {
  const template = parseTemplate(
    '{{ regexReplaceAll "[^a-z]+" .Subject "-" }}{{ .Subject | upper | trunc 3 }}',
  )
  assert.equal(template.render(templateDataFor({ subject: 'a_b'.repeat(1_000) })).length, 4_002 - 1_000 + 1)
})
