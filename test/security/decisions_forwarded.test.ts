/** S2-7 (E2): at /decisions a forwarded header that the gateway handed on from its client decides nothing. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { type CallPart, readDecisionRequest } from '../../src/api/decision_request.ts'
import type { Instant } from '../../src/lib/time.ts'

interface Call {
  readonly url: string
  readonly method?: string
  readonly forwarded?: Readonly<Record<string, string>>
  readonly overrides?: readonly CallPart[]
}

/** The request that rules judge, or the reason of its denial. */
function read({ url, method = 'GET', forwarded = {}, overrides = [] }: Call): string {
  const lines = Object.entries(forwarded).map(([part, value]) => [`X-Forwarded-${part}`, value])
  const message = {
    method,
    url,
    headers: { host: 'app.test' },
    rawHeaders: ['Host', 'app.test', ...lines.flat()],
    socket: { remoteAddress: '10.0.0.7' },
  } as unknown as IncomingMessage
  const request = readDecisionRequest(message, {
    body: new Uint8Array(),
    deadline: 0 as Instant,
    paths: 'strict',
    isTrustedProxy: () => true,
    directOverrides: new Set(overrides),
  })
  if (request.kind === 'denial') return `${request.status} ${request.reason}`
  return `${request.method} ${request.scheme} ${request.authority} ${request.path}`
}

const DIFFERS = '400 the call differs from X-Forwarded-Method, -Proto or -Host'

for (const [part, value] of [
  ['Method', 'GET'],
  ['Host', 'public.test'],
  ['Proto', 'https'],
] as const) {
  for (const url of ['/decisions/x', '/decisions/', '/decisions', '/decisions?a=1'])
    test(`S2-7 a call of ${url} that X-Forwarded-${part} contradicts is 400`, () => {
      assert.equal(read({ url, method: 'DELETE', forwarded: { [part]: value } }), DIFFERS)
    })
}

test('S2-7 (E2) a contradiction is 400 beside an X-Forwarded-Uri that agrees', () => {
  const forwarded = { Uri: '/x', Method: 'GET' }
  assert.equal(read({ url: '/decisions/x', method: 'DELETE', forwarded }), DIFFERS)
})

test('S2-7 a call of /decisions/ is about the root, and says what to call for another target', () => {
  const forwarded = { Uri: '/x', Method: 'GET' }
  assert.match(read({ url: '/decisions/', forwarded }), /^400 .*: call \/decisions, without a slash$/)
  assert.equal(read({ url: '/decisions/', forwarded: { Uri: '/' } }), 'GET http app.test /')
  assert.equal(read({ url: '/decisions', forwarded }), 'GET http app.test /x')
})

test('S2-7 forwarded headers that agree with the call change nothing', () => {
  const forwarded = { Method: 'DELETE', Proto: 'HTTP', Host: 'App.test', Uri: '/x' }
  assert.equal(read({ url: '/decisions/x', method: 'DELETE', forwarded }), 'DELETE http App.test /x')
  assert.equal(read({ url: '/decisions/x', method: 'DELETE', forwarded: { Method: 'delete' } }), DIFFERS)
})

test('S2-7 serve.api.direct_overrides lets a gateway state the parts that it names, and no other', () => {
  const call = { url: '/decisions/x', forwarded: { Proto: 'https' }, overrides: ['proto'] } as const
  assert.equal(read(call), 'GET https app.test /x')
  assert.equal(read({ ...call, forwarded: { Proto: 'https', Host: 'public.test' } }), DIFFERS)
})

test('E2 a forwarded target without a method is 400, an empty method included', () => {
  const missing = '400 X-Forwarded-Uri comes without X-Forwarded-Method'
  assert.equal(read({ url: '/decisions', forwarded: { Uri: '/x' } }), missing)
  assert.equal(read({ url: '/decisions', forwarded: { Uri: '/x', Method: '' } }), missing)
  assert.equal(read({ url: '/decisions?a=1', forwarded: { Uri: '/x', Host: 'other.test' } }), missing)
  const complete = { Uri: '/x', Method: 'POST' }
  assert.equal(read({ url: '/decisions', forwarded: complete }), 'POST http app.test /x')
})
