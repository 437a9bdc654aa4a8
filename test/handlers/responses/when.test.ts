import assert from 'node:assert/strict'
import test from 'node:test'
import { type DenialStatus, denial } from '../../../src/access/denial.ts'
import { compileWhen } from '../../../src/handlers/responses/when.ts'
import { requestWith } from '../../support/request.ts'

type Headers = readonly (readonly [string, string])[]
const matches = (
  when: unknown,
  status: DenialStatus,
  headers: Headers = [],
  remoteAddress = '10.1.2.3',
): boolean => compileWhen(when)(denial(status, 'internal', ''), { ...requestWith(headers), remoteAddress })

test('no condition matches everything', () => {
  for (const when of [undefined, []]) assert.ok(matches(when, 404))
})

const html = [{ error: ['unauthorized'], request: { header: { accept: ['text/html'] } } }]
for (const [what, when, status, headers, expected] of [
  ['the named status', [{ error: ['unauthorized'] }], 401, [], true],
  ['another status', [{ error: ['unauthorized'] }], 403, [], false],
  ['a status that Oathkeeper cannot name (Q-40)', [{ error: ['service_unavailable'] }], 503, [], true],
  ['one of two alternatives', [{ error: ['forbidden'] }, { error: ['unauthorized'] }], 401, [], true],
  ['a browser', html, 401, [['accept', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8']], true],
  ['curl, whose wildcard is literal', html, 401, [['accept', '*/*']], false],
  ['a matching Accept and another status', html, 404, [['accept', 'text/html']], false],
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
    'a forwarded address by default (Q-33)',
    [{ request: { remote_ip: { match: ['1.2.3.0/24'] } } }],
    401,
    [['x-forwarded-for', '1.2.3.4']],
    false,
  ],
  [
    'a forwarded address with the flag',
    [{ request: { remote_ip: { match: ['1.2.3.0/24'], respect_forwarded_for_header: true } } }],
    401,
    [['x-forwarded-for', '9.9.9.9, 1.2.3.4']],
    true,
  ],
] as const) {
  test(`${what}: ${expected}`, () => assert.equal(matches(when, status, headers), expected))
}

test('treats an IPv4 peer on a dual-stack socket as IPv4', () => {
  assert.ok(matches([{ request: { cidr: ['10.0.0.0/8'] } }], 401, [], '::ffff:10.1.2.3'))
})

for (const when of [
  [{ error: ['unauthorised'] }],
  [{ request: { cidr: ['10.0.0.0/40'] } }],
  [{ reqest: {} }],
  'x',
]) {
  test(`rejects ${JSON.stringify(when)}`, () => assert.throws(() => compileWhen(when)))
}

test('distinguishes unmet session requirements from other denials (Q-53)', () => {
  const when = compileWhen([{ error: ['unauthorized', 'second_factor_required'] }])
  assert.ok(when(denial(403, 'second_factor_required', ''), requestWith()))
  assert.ok(when(denial(401, 'no_credential', ''), requestWith()))
  assert.ok(!when(denial(403, 'forbidden', ''), requestWith()))
  assert.ok(!when(denial(403, 'reauthentication_required', ''), requestWith()))
})

test('each name matches one status (Q-40)', () => {
  const names = {
    bad_request: 400,
    unauthorized: 401,
    forbidden: 403,
    not_found: 404,
    too_many_requests: 429,
    internal_server_error: 500,
    service_unavailable: 503,
    gateway_timeout: 504,
  } as const
  const statuses = [...Object.values(names), 431] as const
  for (const [name, status] of Object.entries(names)) {
    assert.deepEqual(
      statuses.filter(one => matches([{ error: [name] }], one)),
      [status],
    )
  }
})

for (const [what, when, headers, expected] of [
  [
    'cidr never matches forwarded addresses (Q-33)',
    [{ request: { cidr: ['1.2.3.0/24'] } }],
    [['x-forwarded-for', '1.2.3.4']],
    false,
  ],
  [
    'one of several lines has the address',
    [{ request: { remote_ip: { match: ['1.2.3.0/24'], respect_forwarded_for_header: true } } }],
    [
      ['x-forwarded-for', '9.9.9.9'],
      ['x-forwarded-for', '8.8.8.8,1.2.3.4'],
    ],
    true,
  ],
  [
    'one of several patterns is enough',
    [{ request: { header: { content_type: ['a/b', 'application/*'] } } }],
    [['content-type', 'application/json; charset=utf-8']],
    true,
  ],
  [
    'one of several entries is enough',
    [{ request: { header: { accept: ['text/html'] } } }],
    [['accept', 'a/b, text/html']],
    true,
  ],
  [
    'no Content-Type is octet-stream (Q-43)',
    [{ request: { header: { content_type: ['application/octet-stream'] } } }],
    [['content-type', '']],
    true,
  ],
  [
    'all parts of one entry must match',
    [{ request: { cidr: ['10.0.0.0/8'], header: { accept: ['text/html'] } } }],
    [['accept', 'text/plain']],
    false,
  ],
  ['empty parts match everything', [{ error: [], request: { cidr: [], header: { accept: [] } } }], [], true],
] as const) {
  test(what, () => assert.equal(matches(when, 401, headers), expected))
}

test('rejects an invalid network at its path', () => {
  for (const part of ['cidr', 'remote_ip.match'] as const) {
    const networks = ['10.0.0.0/40']
    const request = part === 'cidr' ? { cidr: networks } : { remote_ip: { match: networks } }
    assert.throws(() => compileWhen([{}, { request }]), { path: ['when', 1, 'request', ...part.split('.')] })
  }
})
