import assert from 'node:assert/strict'
import test from 'node:test'
import { lintTemplate } from '../../src/gotemplate/lint.ts'
import { parseTemplate } from '../../src/gotemplate/template.ts'

const found = (text: string, json = false): string[] =>
  lintTemplate(parseTemplate(text), { json }).map(lint => `${lint.line}:${lint.column} ${lint.message}`)

const NO_VALUE = 'prints "<no value>" where'

test('a member that may be missing is reported (Q-78)', () => {
  assert.deepEqual(found('{{ .Extra.x }}'), [`1:4 ${NO_VALUE} .Extra.x is missing (Q-78)`])
  assert.deepEqual(found('a\n{{ $.Extra.identity.id }}'), [
    `2:4 ${NO_VALUE} .Extra.identity.id is missing (Q-78)`,
  ])
  assert.equal(found('{{ if .Extra.y }}{{ .Extra.x }}{{ end }}').length, 1)
  assert.equal(found('{{ if .Extra.x }}{{ else }}{{ .Extra.x }}{{ end }}').length, 1)
})

test('members that are printed, have a default, are tested, or are not of the session, are not reported', () => {
  const clean = [
    '{{ .Subject }}',
    '{{ print .Extra.x }}',
    '{{ .Extra.x | default "-" }}',
    '{{ $x := .Extra.x }}',
    '{{ if .Extra.x }}{{ .Extra.x }}{{ end }}',
    '{{ if and .Subject (ne .Extra.x "") }}{{ .Extra.x }}{{ end }}',
    '{{ with .Extra.m }}{{ .Extra.x }}{{ end }}',
    '{{ range .Extra.l }}{{ .x }}{{ end }}',
  ]
  for (const text of clean) assert.deepEqual(found(text), [], text)
})

test('a member of an object that may be null is reported, with an expression that prints nothing there', () => {
  const data = { Extra: { identity: { metadata_public: null, traits: {} } } }
  const warned = [
    '{{ print .Extra.identity.metadata_public.role }}',
    '{{ .Extra.nope.deeper }}',
    '{{ $.Extra.nope.deeper.still }}',
    '{{ .Extra.identity.traits.name.first | upper }}',
    '{{ if .Extra.nope.deeper }}x{{ end }}',
    '{{ if and .Subject .Extra.nope.deeper }}x{{ end }}',
    '{{ printf "%s" (print .Extra.nope.deeper) }}',
  ]
  for (const text of warned) {
    const lints = lintTemplate(parseTemplate(text))
    assert.equal(lints.length, 1, text)
    assert.match(
      lints[0]?.message ?? '',
      /^fails, and the request gets 500, where \.Extra\.[\w.]+ is null or missing$/,
    )
    const advice = /^write (.+) to print nothing$/.exec(lints[0]?.hint ?? '')?.[1] ?? ''
    assert.deepEqual(found(advice), [], advice)
    assert.equal(parseTemplate(advice).render(data), '', advice)
  }
  const clean = [
    '{{ print .Extra.identity.traits.email }}',
    '{{ print (((.Extra.identity).metadata_public).role) }}',
    '{{ if .Extra.nope }}{{ print .Extra.nope.deeper }}{{ end }}',
    '{{ if and .Extra.nope .Extra.nope.deeper }}x{{ end }}',
    '{{ with .Extra.nope }}{{ print .deeper }}{{ end }}',
  ]
  for (const text of clean) assert.deepEqual(found(text), [], text)
})

test('a quote that is escaped once too often is named where it is', () => {
  assert.throws(() => parseTemplate('a {{ print \\"x\\" }}'), {
    message: 'a backslash before a quote: the quote is escaped once too often',
    line: 1,
    column: 12,
  })
})

test('certain failures are reported', () => {
  assert.deepEqual(found('{{ print .Subject "x" }}'), [
    '1:4 fails whenever it is reached: wrong number of args for print: want 1 got 2',
  ])
  assert.deepEqual(found('{{ template "x" }}'), [
    '1:4 fails whenever it is reached: template "x" is not defined',
  ])
})

test('a value inside of JSON quotes is reported if it can close them (Q-68)', () => {
  const message = 'a value inside of quotes can close them and add members to the JSON (Q-68)'
  assert.deepEqual(found('{"a":"{{ .Subject }}"}', true), [`1:10 ${message}`])
  assert.deepEqual(found('{"a":"x-{{ print .Extra.x }}-y","b":{{ toJson .Subject }}}', true), [
    `1:12 ${message}`,
  ])
  assert.deepEqual(found('{"a":"\\"{{ .Subject }}"}', true), [`1:12 ${message}`])
  assert.deepEqual(found('{"a":"{{ if .Subject }}{{ .Subject }}{{ end }}"}', true), [`1:27 ${message}`])
  const clean = [
    '{"a":{{ toJson .Subject }}}',
    '{"a":"{{ .Subject | b64enc }}","b":{{ .Extra.x | toJson }}}',
    '{"a":"{{ "fixed" }}"}',
    '{"a":"b"}{{ $x := .Subject }}',
  ]
  for (const text of clean) assert.deepEqual(found(text, true), [], text)
  assert.deepEqual(found('"{{ .Subject }}"'), [])
})

test('an unknown field is reported wherever the data is the receiver', () => {
  const fields = new Map([
    ['Subject', undefined],
    ['Extra', undefined],
    ['MatchContext', ['URL', 'Method']],
  ])
  const reported = (text: string) =>
    lintTemplate(parseTemplate(text), { fields }).map(lint => `${lint.column} ${lint.message} (${lint.hint})`)
  const no = (name: string, near: string) =>
    `fails whenever it is reached: there is no ${name} (did you mean ${near}?)`
  assert.deepEqual(reported('{{ print .Subjekt }}'), [`10 ${no('.Subjekt', '.Subject')}`])
  assert.deepEqual(reported('{{ if .MatchContext.Metod }}{{ end }}'), [
    `7 ${no('.MatchContext.Metod', '.MatchContext.Method')}`,
  ])
  assert.deepEqual(reported('{{ range .Extra.l }}{{ .Subjekt }}{{ $.Subjekt }}{{ end }}').length, 1)
  assert.deepEqual(reported('{{ (index .Extrra "a").b | print }}').length, 1)
  assert.match(reported('{{ .Zebra }}').join(), /known: \.Subject, \.Extra, \.MatchContext/)
  for (const clean of [
    '{{ .Subject }}{{ print .Extra.Subjekt }}{{ .MatchContext.URL.Foo }}',
    '{{ with .Extra.m }}{{ .Subjekt }}{{ end }}',
    '{{ $x := .Extra }}{{ $x.Subjekt }}',
    '{{ define "t" }}{{ .Subjekt }}{{ end }}{{ template "t" .Extra }}',
  ])
    assert.deepEqual(reported(clean), [], clean)
})
