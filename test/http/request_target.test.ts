import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type PathMode, parseRequestTarget } from '../../src/http/request_target.ts'

const path = (target: string, reading: PathMode = 'strict'): string | undefined => {
  const read = parseRequestTarget(target, reading)
  return read.kind === 'target' ? read.path : undefined
}

/** Valid targets and their paths. */
const READ: readonly (readonly [id: string, target: string, path: string])[] = [
  ['A1', '/admin?x=/public', '/admin'],
  ['A1', '/admin?.css', '/admin'],
  ['A1', '/admin?/../x//', '/admin'],
  ['A7', '/public%23/admin', '/public#/admin'],
  ['A10', '/admin;x=1/users', '/admin;x=1/users'],
  ['A10', '/;/admin', '/;/admin'],
  ['A11', '/100%25', '/100%'],
  ['A11', '/100%25z', '/100%z'],
  ['A12', '/caf%C3%A9', '/café'],
  ['A13', '/%EF%BD%81dmin', '/ａdmin'],
  ['A13', '/e%CC%81', '/e\u0301'],
  ['A14', '/Admin', '/Admin'],
  ['A15', '/admin/', '/admin/'],
  ['A15', '/caf%C3%A9/', '/café/'],
  ['A15', '/', '/'],
  ['A15', '/admin%20', '/admin '],
  ['A15', '/admin.', '/admin.'],
  ['A15', '/.well-known/x', '/.well-known/x'],
  ['A15', '/...', '/...'],
  ['A19', '/p?a=1?b=2', '/p'],
  ['', '/%41%7e', '/A~'],
  ['', '/a%3Fb', '/a?b'],
]
for (const [id, target, expected] of READ) {
  test(`${id} ${JSON.stringify(target)} is the path ${expected}`, () => {
    assert.equal(path(target), expected)
    const read = parseRequestTarget(target, 'strict')
    assert.equal(read.kind === 'target' && read.rawPath, target.split('?', 1)[0])
  })
}

/** Targets that another parser might read differently. */
const REFUSED: readonly (readonly [id: string, target: string])[] = [
  ['A2', '//admin/x'],
  ['A2', '///admin'],
  ['A2', '//evil.example/admin'],
  ['A2', '/a//b'],
  ['A2', '/a//'],
  ['A3', '/public/../admin'],
  ['A3', '/public/./x'],
  ['A3', '/..'],
  ['A3', '/.'],
  ['A3', '/a/b/../../../etc'],
  ['A4', '/public/%2e%2e/admin'],
  ['A4', '/public/%2E%2e/admin'],
  ['A4', '/public/.%2e/admin'],
  ['A4', '/public/%2e/admin'],
  ['A5', '/admin%00.png'],
  ['A5', '/admin\0.png'],
  ['A6', '/a%2fb'],
  ['A6', '/a%2Fb'],
  ['A7', '/admin#/public'],
  ['A7', '/public%23/../admin'],
  ['A8', '/%'],
  ['A8', '/%zz'],
  ['A8', '/a%2'],
  ['A8', '/%u0061'],
  ['A9', '/admin%5c..%5cpublic'],
  ['A9', '/public\\..\\admin'],
  ['A9', '/\\evil.example'],
  ['A10', '/public/..;/admin'],
  ['A10', '/public/..;x=1/admin'],
  ['A10', '/public/.;/admin'],
  ['A10', '/public/%2e%2e;/admin'],
  ['A11', '/%252e%252e/admin'],
  ['A11', '/%252f'],
  ['A12', '/%c0%af'],
  ['A12', '/%c0%ae%c0%ae/'],
  ['A12', '/%ff'],
  ['A12', '/%ed%a0%80'],
  ['A13', '/ａdmin'],
  ['A13', '/ADM\u0130N'],
  ['A15', '/admin/.'],
  ['A15', '/admin%09'],
  ['A15', '/admin%0a'],
  ['A15', '/admin%7f'],
  ['A15', '/admin x'],
  ['A15', '/admin\n'],
  ['A16', 'http://evil/admin'],
  ['A16', 'https://app/x'],
  ['A17', '*'],
  ['A17', ''],
  ['A17', '?x=1'],
  ['A17', 'admin'],
  ['J2', '/adm\xe9n'],
  ['J2', '/adm\ufffdn'],
]
for (const [id, target] of REFUSED) {
  test(`${id} ${JSON.stringify(target)} is invalid`, () => assert.equal(path(target), undefined))
}

test('A18: a path that is too long is invalid, whatever it contains', () => {
  assert.equal(path(`/${'a'.repeat(16_383)}`)?.length, 16_384)
  assert.equal(path(`/${'a'.repeat(16_384)}`), undefined)
  assert.equal(path('/../'.repeat(100_000)), undefined)
  assert.equal(parseRequestTarget(`/a?${'x'.repeat(100_000)}`, 'strict').kind, 'target')
})

const targets = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '/',
        '..',
        '.',
        ';',
        '%2e',
        '%2F',
        '%25',
        '%',
        '\\',
        '?',
        '#',
        'a',
        'é',
        '%c3%a9',
        '\0',
      ),
      { maxLength: 12 },
    )
    .map(parts => parts.join('')),
)

test('parsing never throws, in either mode', () => {
  fc.assert(
    fc.property(targets, fc.constantFrom<PathMode>('strict', 'oathkeeper'), (target, reading) => {
      const read = parseRequestTarget(target, reading)
      if (read.kind === 'invalid target') return
      assert.ok(read.path.startsWith('/'))
      assert.equal(read.rawPath + (target.includes('?') ? `?${read.query}` : ''), target)
    }),
    { numRuns: 3_000 },
  )
})

test('a path that strict mode accepts needs no cleaning, so that another parser reads the same path', () => {
  fc.assert(
    fc.property(targets, target => {
      const read = parseRequestTarget(target, 'strict')
      if (read.kind === 'invalid target') return
      // The WHATWG URL parser cleans dots and backslashes. Where it finds none, the path stays as it was
      // sent.
      const { pathname } = new URL(`http://h${read.rawPath}`)
      assert.equal(decodeURIComponent(pathname), decodeURIComponent(read.rawPath))
      for (const segment of read.path.split('/').slice(1, -1)) assert.ok(!/^\.{0,2}$/.test(segment), target)
    }),
    { numRuns: 3_000 },
  )
})
