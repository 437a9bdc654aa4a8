/** Tests templates of rules from load to request. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { RequestView } from '../../../src/access/request.ts'
import { createSession, identity } from '../../../src/access/session.ts'
import { HandlerConfigError } from '../../../src/handlers/compile/config_error.ts'
import { compileTemplate } from '../../../src/handlers/compile/template.ts'
import type { Clock } from '../../../src/lib/time.ts'

const clock = { wall: () => 0, now: () => 0 } as unknown as Clock
const request = {
  method: 'GET',
  scheme: 'https',
  host: 'h',
  authority: 'h:1',
  path: '/a b',
  query: 'q=1',
  headerEntries: () => [
    ['x-a', '1'],
    ['x-a', '2'],
    ['accept', '*/*'],
  ],
} as unknown as RequestView
const session = createSession(identity('me', { role: 'admin' }), request, ['one'])

test('a template reads the session and its request', () => {
  const warnings: string[] = []
  const render = compileTemplate(
    '{{ .Subject }} {{ print .Extra.role }} {{ .MatchContext.URL }} {{ .MatchContext.Header.Get "x-a" }} {{ .MatchContext.Header }} {{ printIndex .MatchContext.RegexpCaptureGroups 0 }} {{ now.Year }}',
    ['headers', 'X'],
    { clock },
    { warn: (_path, message) => warnings.push(message) },
  )
  assert.equal(render(session), 'me admin https://h:1/a%20b?q=1 1 map[Accept:[*/*] X-A:[1 2]] one 1970')
  assert.deepEqual(warnings, [])
})

test('rejects a template that does not parse, with its position', () => {
  assert.throws(
    () => compileTemplate('x\n{{ nope }}', ['claims'], { clock }, { warn: () => {} }),
    (error: HandlerConfigError) =>
      error instanceof HandlerConfigError &&
      error.path[0] === 'claims' &&
      /line 2, column 4/.test(error.message),
  )
})

test('a template that fails for a session is a 500 and not an exception', () => {
  const render = compileTemplate('{{ .Extra.role.x }}', [], { clock }, { warn: () => {} })
  const denial = render(session)
  assert.ok(typeof denial !== 'string')
  assert.equal(denial.status, 500)
  assert.equal(denial.code, 'template')
})

test('reports lints when rules load, with the path of the key', () => {
  const said: unknown[] = []
  const warn = (...words: unknown[]): void => void said.push(words)
  compileTemplate('{"a":"{{ .Extra.x }}"}', ['payload'], { clock }, { warn }, { json: true })
  assert.equal(said.length, 2)
  assert.deepEqual((said[0] as unknown[])[0], ['payload'])
})

test('warns about capture groups with glob patterns (Q-27)', () => {
  const warnings: string[] = []
  const text = '{{ printIndex .MatchContext.RegexpCaptureGroups 0 }}'
  for (const strategy of ['regexp', 'glob'] as const) {
    const warn = (_path: unknown, message: string): void => {
      warnings.push(`${strategy}: ${message}`)
    }
    compileTemplate(text, ['x'], { clock }, { strategy, warn })
  }
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /^glob: .*have no capture groups/)
})
