/** Limits of templates: excessive memory or time ends with an error. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseTemplate, TemplateError } from '../../src/gotemplate/template.ts'
import { STANDARD_DATA, templateDataFor } from './session.ts'

const bombs = {
  'a string that doubles':
    '{{ $x := "aaaaaaaaaa" }}{{ range until 64 }}{{ $x = printf "%s%s" $x $x }}{{ end }}',
  'a long repetition': '{{ repeat 1000000000 "a" }}',
  'repetitions of a repetition': '{{ repeat 100000 (repeat 100000 "a") }}',
  'a wide number': '{{ range until 1000 }}{{ printf "%999999d" 1 }}{{ end }}',
  'an indented text': '{{ indent 100000000 "a" }}',
  'many indented lines': '{{ indent 10000 (repeat 10000 "\\n") }}',
  'replacements that grow': '{{ replace "a" (repeat 10000 "b") (repeat 10000 "a") }}',
  'a long list': '{{ until 1000000000 }}',
  'a list that doubles': '{{ $x := list 1 }}{{ range until 64 }}{{ $x = concat $x $x }}{{ end }}',
  'lists in lists': '{{ $x := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ end }}{{ $x }}',
  'lists in lists as JSON':
    '{{ $x := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x }}',
  'lists in lists, compared':
    '{{ $x := list 1 }}{{ $y := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ $y = list $y $y }}{{ end }}{{ deepEqual $x $y }}',
  'lists in lists, copied':
    '{{ $x := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ end }}{{ len (deepCopy $x) }}',
  'loops in loops': '{{ range until 99999 }}{{ range until 99999 }}{{ end }}{{ end }}',
  'a loop to a number': '{{ range 1000000000 }}{{ end }}',
  'a template that calls itself': '{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}',
  'a template that calls itself twice':
    '{{ define "x" }}{{ if . }}{{ template "x" (rest .) }}{{ template "x" (rest .) }}{{ end }}{{ end }}{{ template "x" (until 60) }}',
  'endless output': '{{ range until 99999 }}{{ repeat 1000 "a" }}{{ end }}',
  'a large expression': '{{ regexMatch "((a{30}){30}){30}" "a" | ternary "" (fail "x") }}',
  'a nested expression': '{{ mustRegexMatch (repeat 900 "(") "a" }}',
  'many random letters': '{{ randAlpha 100000000 }}',
  'deep parentheses': `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`,
  'deep blocks': `${'{{ if true }}'.repeat(5000)}${'{{ end }}'.repeat(5000)}`,
  'a wrapped text': '{{ wrapWith 1 (repeat 1000 "x") (repeat 10000 "y") }}',
}

test('unbounded growth ends with a TemplateError (H2)', () => {
  for (const [name, template] of Object.entries(bombs)) {
    assert.throws(() => parseTemplate(template).render(templateDataFor(undefined)), TemplateError, name)
  }
})

test('a regular expression on which backtracking engines hang takes linear time', () => {
  const template = parseTemplate('{{ regexMatch "^(a+)+$" .Subject }} {{ regexMatch "^(a|aa)+$" .Subject }}')
  assert.equal(template.render(templateDataFor({ subject: `${'a'.repeat(1000)}!` })), 'false false')
  assert.equal(template.render(templateDataFor({ subject: 'a'.repeat(1000) })), 'true true')
})

/** With a naive implementation, each of these texts takes quadratic time, and the test does not finish. */
const slow: readonly (readonly [template: string, subject: string, expected: string])[] = [
  ['{{ trim .Subject | len }}', `a${' '.repeat(300_000)}b`, '300002'],
  ['{{ base .Subject }}', `a${'/'.repeat(300_000)}b`, 'b'],
  ['{{ ext .Subject }}', `${'.a'.repeat(150_000)}/`, ''],
  ['{{ float64 .Subject }}{{ int .Subject }}', `${'1'.repeat(300_000)}x`, '00'],
  ['{{ float64 .Subject }}', `0x${'a'.repeat(300_000)}`, '0'],
  ['{{ durationRound .Subject }}', '1'.repeat(300_000), '0s'],
  ['{{ atoi .Subject }}', '1'.repeat(300_000), '9223372036854775807'],
  ['{{ (urlParse .Subject).host | len }}', `//${'a'.repeat(300_000)}`, '300000'],
  ['{{ title .Subject | len }}{{ snakecase .Subject | len }}', 'aB'.repeat(5_000), '1000015000'],
]
test('long texts of a client take linear time', () => {
  for (const [template, subject, expected] of slow) {
    const { render } = parseTemplate(template)
    // V8 has compiled the functions by then: interpreted ones can need the 25 ms that a template has on a busy machine.
    for (let i = 0; i < 100; i++) render(templateDataFor({ subject: subject.slice(0, 300) }))
    assert.equal(render(templateDataFor({ subject })), expected, template)
  }
})

test('after a failure, the next rendering has its full budget', () => {
  assert.throws(
    () => parseTemplate(bombs['loops in loops']).render(templateDataFor(undefined)),
    TemplateError,
  )
  assert.equal(parseTemplate('{{ .Subject }}').render(templateDataFor(undefined)), 'subj')
})

/** Templates that use values of every kind. */
const touching = [
  '{{ .Extra.a }}{{ .Extra.b.c }}',
  '{{ .Extra }}{{ . }}{{ print . }}{{ toJson . }}{{ toPrettyJson .Extra }}',
  '{{ printf "%d %s %q %x %v %#v %+v %5.2f %t %c" .Extra.a .Extra.b .Subject .Subject .Extra .Extra .Extra .Extra.a .Extra.b .Extra.c }}',
  '{{ range $k, $v := .Extra }}{{ $k }}{{ kindOf $v }}{{ $v }}{{ with $v }}{{ . }}{{ end }}{{ end }}',
  '{{ range .Extra.a }}{{ .x }}{{ end }}',
  '{{ index .Extra.a 0 }}',
  '{{ eq .Extra.a .Extra.b }}',
  '{{ lt .Extra.a .Extra.b }}',
  '{{ int .Extra.a }}{{ float64 .Extra.a }}{{ add .Extra.a .Extra.b }}{{ addf .Extra.a .Extra.b }}',
  '{{ div .Extra.a .Extra.b }}{{ round .Extra.a 2 }}',
  '{{ fromJson .Subject }}{{ b64dec .Subject }}{{ b32dec .Subject }}',
  '{{ urlParse .Subject }}',
  '{{ semver .Subject }}',
  '{{ toDate .Subject .Subject }}{{ toDate "2006-01-02" .Subject }}{{ duration .Subject }}',
  '{{ regexFindAll .Subject .Subject -1 }}{{ regexReplaceAll .Subject .Subject .Subject }}',
  '{{ trunc 3 .Subject }}{{ substr 1 2 .Subject }}{{ wrap 3 .Subject }}{{ snakecase .Subject }}{{ camelcase .Subject }}{{ title .Subject }}',
  '{{ .MatchContext.URL }}{{ .MatchContext.URL.Query }}{{ .MatchContext.Header }}{{ .MatchContext.URL.Hostname }}',
  '{{ merge .Extra.a .Extra.b }}',
  '{{ set .Extra .Subject .Extra.a }}{{ uniq (list .Extra.a .Extra.b) }}{{ sortAlpha .Extra.a }}{{ join .Subject .Extra.a }}',
  '{{ html .Extra.a }}{{ js .Subject }}{{ urlquery .Extra }}{{ quote .Extra.a .Subject }}',
].map(text => parseTemplate(text))

test('rendering any session returns a well-formed string or throws a TemplateError', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  const extra = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), fc.jsonValue({ maxDepth: 3 }))
  fc.assert(
    fc.property(text, extra, fc.constantFrom(...touching), (subject, json, template) => {
      try {
        const out = template.render(
          templateDataFor({
            ...STANDARD_DATA,
            subject,
            extra: json as never,
            headers: { [subject]: [subject] },
          }),
        )
        return out.isWellFormed()
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
        // A cause would be an unexpected error of the evaluator.
        assert.equal(error.cause, undefined)
        return true
      }
    }),
    { numRuns: 3000 },
  )
})

test('parsing any text returns a template or throws a TemplateError with a position in it', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '{{- ',
    ' -}}',
    ' ',
    'if',
    'range',
    'end',
    'else',
    'with',
    'define',
    'template',
    'block',
    'break',
    '.',
    '.A',
    '$',
    '$x',
    ':=',
    '=',
    ',',
    '|',
    '(',
    ')',
    '"a"',
    '`b`',
    "'c'",
    '1',
    '-2.5e3',
    '0x',
    'nil',
    'true',
    'print',
    'and',
    '/*',
    '*/',
    '\n',
    '"',
    'é',
    '{',
    '}',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), pieces => {
      const text = pieces.join('')
      try {
        parseTemplate(text).render(templateDataFor(undefined))
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
        assert.equal(error.cause, undefined)
        assert.ok(error.line >= 1 && error.line <= text.split('\n').length && error.column >= 1)
      }
    }),
    { numRuns: 3000 },
  )
})
