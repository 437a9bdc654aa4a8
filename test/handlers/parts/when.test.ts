import assert from 'node:assert/strict'
import test from 'node:test'
import { type DenialStatus, denial } from '../../../src/access/denial.ts'
import { compileWhen } from '../../../src/handlers/parts/when.ts'
import { requestWith } from '../../fakes/request.ts'

type Headers = readonly (readonly [string, string])[]
const fits = (
  when: unknown,
  status: DenialStatus,
  headers: Headers = [],
  remoteAddress = '10.1.2.3',
): boolean => compileWhen(when)(denial(status, 'internal', ''), { ...requestWith(headers), remoteAddress })

test('no condition always fits', () => {
  for (const when of [undefined, []]) assert.ok(fits(when, 404))
})

const html = [{ error: ['unauthorized'], request: { header: { accept: ['text/html'] } } }]
for (const [what, when, status, headers, expected] of [
  ['the named status', [{ error: ['unauthorized'] }], 401, [], true],
  ['another status', [{ error: ['unauthorized'] }], 403, [], false],
  ['a status that Oathkeeper cannot name (Q-40)', [{ error: ['service_unavailable'] }], 503, [], true],
  ['one of two alternatives', [{ error: ['forbidden'] }, { error: ['unauthorized'] }], 401, [], true],
  ['a browser', html, 401, [['accept', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8']], true],
  ['curl, whose wildcard is literal', html, 401, [['accept', '*/*']], false],
  ['the right Accept and another status', html, 404, [['accept', 'text/html']], false],
  ['a type with parameters (Q-41)', html, 401, [['accept', 'Text/HTML;level=1']], true],
  ['a type that is ruled out by q=0 (Q-41)', html, 401, [['accept', 'text/html;q=0']], false],
  [
    'a pattern with a wildcard',
    [{ request: { header: { accept: ['text/*'] } } }],
    401,
    [['accept', 'text/plain']],
    true,
  ],
  [
    'no Accept as octet-stream (Q-43)',
    [{ request: { header: { accept: ['application/octet-stream'] } } }],
    401,
    [],
    true,
  ],
  [
    'a malformed Content-Type (Q-42)',
    [{ request: { header: { content_type: ['a/b'] } } }],
    401,
    [['content-type', ';;;']],
    false,
  ],
  ['a peer inside', [{ request: { cidr: ['10.0.0.0/8'] } }], 401, [], true],
  ['a peer outside', [{ request: { cidr: ['192.168.0.0/16'] } }], 401, [], false],
  [
    'a forwarded address that nobody asked for (Q-33)',
    [{ request: { remote_ip: { match: ['1.2.3.0/24'] } } }],
    401,
    [['x-forwarded-for', '1.2.3.4']],
    false,
  ],
  [
    'a forwarded address that was asked for',
    [{ request: { remote_ip: { match: ['1.2.3.0/24'], respect_forwarded_for_header: true } } }],
    401,
    [['x-forwarded-for', '9.9.9.9, 1.2.3.4']],
    true,
  ],
] as const) {
  test(`${what}: ${expected}`, () => assert.equal(fits(when, status, headers), expected))
}

test('an IPv4 peer on a dual-stack socket is the IPv4 peer', () => {
  assert.ok(fits([{ request: { cidr: ['10.0.0.0/8'] } }], 401, [], '::ffff:10.1.2.3'))
})

for (const when of [
  [{ error: ['unauthorised'] }],
  [{ request: { cidr: ['10.0.0.0/40'] } }],
  [{ reqest: {} }],
  'x',
]) {
  test(`${JSON.stringify(when)} is a fault at load`, () => assert.throws(() => compileWhen(when)))
}

test('a session that does not do can be told from other refusals (Q-53)', () => {
  const when = compileWhen([{ error: ['unauthorized', 'second_factor_required'] }])
  assert.ok(when(denial(403, 'second_factor_required', ''), requestWith()))
  assert.ok(when(denial(401, 'no_credential', ''), requestWith()))
  assert.ok(!when(denial(403, 'forbidden', ''), requestWith()))
  assert.ok(!when(denial(403, 'reauthentication_required', ''), requestWith()))
})
