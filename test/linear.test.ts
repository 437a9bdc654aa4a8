/** Parsing client input takes linear time: shown by analysing every regular expression, and on hostile input. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { analyse } from 'scslre'
import { parseAuthority } from '../src/http/authority.ts'
import { parseCookies } from '../src/http/cookies.ts'
import { parseMediaTypes } from '../src/http/media_type.ts'
import { sanitizeRequestId } from '../src/http/request_id.ts'
import { parseRequestTarget } from '../src/http/request_target.ts'

/** Files whose regular expressions are applied to text of a client. */
const INPUT_PARSERS = [
  'http/header_rules.ts',
  'api/decision_request.ts',
  'envoy/check_request.ts',
  'handlers/session/kratos_session.ts',
  'handlers/token/token_from.ts',
  'http/authority.ts',
  'http/cookies.ts',
  'http/media_type.ts',
  'http/request_id.ts',
  'http/request_line.ts',
  'http/request_target.ts',
]

/** Literals after `=`, `(`, `,` or a bracket. None of these files has a division. */
const REGEXP_LITERAL = /[=(,:[]\s*\/((?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)/g

for (const file of INPUT_PARSERS) {
  test(`no regular expression of ${file} takes more than linear time`, () => {
    const text = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8').replace(
      /^\s*(\/\*\*|\*|\/\/).*$/gm,
      '',
    )
    for (const [, source = '', flags = ''] of text.matchAll(REGEXP_LITERAL)) {
      const { reports } = analyse({ source, flags })
      assert.deepEqual(
        reports.map(report => `${report.type}, exponential: ${report.exponential}`),
        [],
        `/${source}/${flags}`,
      )
    }
  })
}

test('the analysis finds expressions that take more than linear time', () => {
  assert.ok(analyse({ source: '^(?:a+)+b$', flags: '' }).reports.length > 0)
  assert.ok(analyse({ source: '^a*a*b$', flags: '' }).reports.length > 0)
})

const INPUT_LENGTH = 60_000
/**
 * Texts that make careless parsers backtrack. Each is one header of the greatest length that Envoy accepts.
 */
const HOSTILE_INPUTS = [
  'a',
  ' ',
  '\t',
  ';',
  ',',
  '=',
  '"',
  '\\',
  '%',
  '/',
  '.',
  '/.',
  '; ',
  ',"',
  ';q=',
  'a/b;x="',
  '%2',
  '..;/',
].map(piece => piece.repeat(INPUT_LENGTH / piece.length))
const SUFFIXES = ['', '\0', '"', 'x', '\u00e9']

// The timeout of the test is the bound, because a measurement would be flaky. A quadratic parser takes
// minutes.
test('sixty thousand characters of each hostile text are parsed or rejected', { timeout: 60_000 }, () => {
  for (const long of HOSTILE_INPUTS) {
    for (const end of SUFFIXES) {
      const text = long + end
      parseCookies([text, `a=${text}`])
      parseMediaTypes(text)
      parseMediaTypes(`text/html${text}`)
      parseAuthority(text, 'https')
      sanitizeRequestId(text)
      for (const mode of ['strict', 'oathkeeper'] as const) {
        parseRequestTarget(`/${text}`, mode)
        parseRequestTarget(`/?${text}`, mode)
      }
    }
  }
})
