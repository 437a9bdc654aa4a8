/** Compares with recorded results of Go's text/template and sprig, as Oathkeeper runs them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { functionNames, UNAVAILABLE_FUNCTIONS } from '../../src/gotemplate/function_library.ts'
import { parseTemplate, TemplateError } from '../../src/gotemplate/template.ts'
import type { WallTime } from '../../src/lib/time.ts'
import { type TemplateCaseData, templateDataFor } from './session.ts'

interface Row {
  readonly id: string
  readonly template: string
  /** Default: the standard session. */
  readonly data?: TemplateCaseData
  readonly expect?: string
  /** Go rejects the template, or fails to render it. */
  readonly error?: true
}

const rows = readFileSync(new URL('./cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Row)

// Dates of the rows are shown in UTC.
process.env.TZ = 'UTC'

const clock = { wall: () => Date.UTC(2026, 0, 2, 3, 4, 5) as WallTime }
const render = (template: string, data?: TemplateCaseData): string =>
  parseTemplate(template, { clock }).render(templateDataFor(data))

test('every template has the output of Go, or fails where Go fails', () => {
  assert.ok(rows.length > 500)
  const wrong = rows.flatMap(({ id, template, data, expect, error }) => {
    let got: string | TemplateError
    try {
      got = render(template, data)
    } catch (thrown) {
      assert.ok(thrown instanceof TemplateError, `${id} ${template}: ${thrown}`)
      got = thrown
    }
    if (error === true ? got instanceof TemplateError : got === expect) return []
    return [{ id, template, got: got instanceof TemplateError ? got.message : got, expect }]
  })
  assert.deepEqual(wrong, [])
})

/** All functions of sprig's TxtFuncMap. */
const SPRIG =
  'abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc b64dec b64enc base bcrypt biggest buildCustomCert camelcase cat ceil chunk clean coalesce compact concat contains date dateInZone dateModify date_in_zone date_modify decryptAES deepCopy deepEqual default derivePassword dict dig dir div divf duration durationRound empty encryptAES env expandenv ext fail first float64 floor fromJson genCA genCAWithKey genPrivateKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey get getHostByName has hasKey hasPrefix hasSuffix hello htmlDate htmlDateInZone htpasswd indent initial initials int int64 isAbs join kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul mulf mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas mustInitial mustLast mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustToDate mustToJson mustToPrettyJson mustToRawJson mustUniq mustWithout must_date_modify nindent nospace now omit osBase osClean osDir osExt osIsAbs pick pluck plural prepend push quote randAlpha randAlphaNum randAscii randBytes randInt randNumeric regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat replace rest reverse round semver semverCompare seq set sha1sum sha256sum sha512sum shuffle slice snakecase sortAlpha split splitList splitn squote sub subf substr swapcase ternary title toDate toDecimal toJson toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix trimSuffix trimall trunc tuple typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper urlJoin urlParse uuidv4 values without wrap wrapWith'.split(
    ' ',
  )
const GO =
  'and or not eq ne lt le gt ge len index print printf println html js urlquery call printIndex'.split(' ')

test('the functions are exactly those of Go, sprig and Oathkeeper', () => {
  const known = [...functionNames(), ...UNAVAILABLE_FUNCTIONS.keys()].sort()
  assert.deepEqual(known, [...SPRIG, ...GO].sort())
})

test('functions that read the environment, access the network or create keys are not available (Q-81)', () => {
  for (const name of ['env', 'expandenv', 'getHostByName', 'genPrivateKey', 'htpasswd']) {
    assert.throws(() => parseTemplate(`{{ ${name} "x" }}`), /is not available: /)
  }
})

test('an unknown function is rejected at load, with the closest name', () => {
  assert.throws(() => parseTemplate('{{ if true }}{{ uper .Subject }}{{ end }}'), {
    message: 'function "uper" is not defined (did you mean "upper"?)',
    line: 1,
    column: 17,
  })
})

const positions: readonly (readonly [template: string, line: number, column: number])[] = [
  ['{{ .Subject }', 1, 1],
  ['a\nb {{ .Subject | }} {{ end }}', 2, 20],
  ['a\n  {{ .Nope }}', 2, 6],
  ['{{ range .Extra.groups }}\n{{ if eq . "dev" }}{{ .x }}{{ end }}{{ end }}', 2, 23],
  ['{{ .Subject }}\n{{ index .Extra.groups 9 }}', 2, 4],
  ['{{ define "x" }}\n\n{{ .a.b.c }}{{ end }}{{ template "x" .Subject }}', 3, 4],
]
test('an error has a line and a column', () => {
  for (const [template, line, column] of positions) {
    assert.throws(() => render(template), { line, column }, template)
  }
})

test('a template without actions is a constant', () => {
  assert.equal(parseTemplate('plain {{/* comment */}}').constant, 'plain ')
  assert.equal(parseTemplate('plain').constant, 'plain')
  assert.equal(parseTemplate('').constant, '')
  assert.equal(parseTemplate('{{ .Subject }}').constant, undefined)
})

test('data of a session is never evaluated as a template (H2)', () => {
  const evil = `{{ fail "x" }}$\{7*7}%s{{ .Extra }}`
  assert.equal(render('{{ .Subject }}|{{ printf "%s" .Subject }}', { subject: evil }), `${evil}|${evil}`)
})

test('only own members are found (H3)', () => {
  const extra = JSON.parse('{"a":{"__proto__":{"x":1}}}')
  for (const path of ['constructor', 'a.constructor', 'toString', '__proto__', 'a.hasOwnProperty']) {
    assert.equal(render(`{{ print .Extra.${path} }}`, { subject: '', extra }), '', path)
  }
  assert.equal(render('{{ .Extra.a.__proto__.x }}', { subject: '', extra }), '1')
  assert.throws(() => render('{{ .constructor }}'), TemplateError)
  assert.throws(() => render('{{ .MatchContext.URL.__proto__ }}'), TemplateError)
})

test('a template changes a copy of its data', () => {
  const extra = Object.freeze({ a: Object.freeze({ b: 1 }), l: Object.freeze(['x']) })
  const template = parseTemplate(
    '{{ $_ := set .Extra.a "b" 2 }}{{ $_ := set .Extra "n" 3 }}{{ toJson .Extra }}',
  )
  const data = templateDataFor({ subject: '', extra })
  assert.equal(template.render(data), '{"a":{"b":2},"l":["x"],"n":3}')
  assert.equal(template.render(data), '{"a":{"b":2},"l":["x"],"n":3}')
  assert.deepEqual(extra, { a: { b: 1 }, l: ['x'] })
})

test('an error contains no value of the session', () => {
  const secret = 'hunter2-secret'
  const data: TemplateCaseData = { subject: secret, extra: { a: secret, [secret]: secret, l: [secret] } }
  const templates = [
    '{{ fail .Subject }}',
    '{{ lt .Subject 1 }}',
    '{{ index .Extra .Extra.l }}',
    '{{ mustFromJson .Subject }}',
    '{{ mustToDate "2006" .Subject }}',
    '{{ mustRegexMatch (printf "(%s" .Subject) "x" }}',
    '{{ semver .Subject }}',
    '{{ urlParse (printf ":%s" .Subject) }}',
    '{{ urlJoin (dict "scheme" .Extra) }}',
    '{{ .Extra.a.b }}',
    '{{ range .Subject }}{{ end }}',
    '{{ decryptAES .Subject .Subject }}',
    '{{ repeat 100000000 .Subject }}',
  ]
  for (const template of templates) {
    assert.throws(
      () => render(template, data),
      (error: Error) => error instanceof TemplateError && !`${error.message}${error.cause}`.includes(secret),
      template,
    )
  }
})

test('the time comes from the clock', () => {
  assert.equal(
    render('{{ now | date "2006-01-02 15:04:05" }} {{ ago (toDate "2006-01-02" "2026-01-01") }}'),
    '2026-01-02 03:04:05 27h4m5s',
  )
  assert.throws(() => parseTemplate('{{ now }}').render(templateDataFor(undefined)), /no clock/)
})
