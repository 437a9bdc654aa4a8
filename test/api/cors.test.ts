/** Which pages may read the api. Tests marked R were compared with a running Oathkeeper v0.40.9. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CorsOptions, createCorsPolicy } from '../../src/api/cors.ts'

const DEFAULTS: CorsOptions = {
  origins: ['*'],
  methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  headers: ['Authorization', 'Content-Type'],
  exposedHeaders: ['Content-Type'],
  credentials: false,
  maxAgeSeconds: 0,
}
const NARROW: CorsOptions = {
  origins: ['https://*.Example.com', 'http://x'],
  methods: ['GET', 'DELETE'],
  headers: ['X-Custom'],
  exposedHeaders: ['X-B', 'X-A'],
  credentials: true,
  maxAgeSeconds: 600,
}
const A = 'https://a.example.com'

/** The headers without `vary`, which is checked here. */
function corsHeaders(
  options: CorsOptions,
  method: string,
  headers: Record<string, string>,
): object | undefined {
  const cors = createCorsPolicy(options)
  const preflight = cors.preflight({ method, headers })
  const all = Object.fromEntries(preflight?.headers ?? cors.headers({ method, headers }))
  const { vary, ...rest } = all
  assert.equal(
    vary,
    preflight === undefined
      ? 'origin'
      : 'origin, access-control-request-method, access-control-request-headers',
  )
  if (preflight !== undefined) assert.deepEqual([preflight.status, preflight.body], [204, ''])
  return rest
}

const preflight = (options: CorsOptions, origin: string | undefined, method: string, headers?: string) =>
  corsHeaders(options, 'OPTIONS', {
    ...(origin === undefined ? {} : { origin }),
    'access-control-request-method': method,
    ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
  })

test('a page of any origin may read unless origins are configured (R)', () => {
  const any = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Content-Type' }
  assert.deepEqual(corsHeaders(DEFAULTS, 'GET', { origin: A }), any)
  assert.deepEqual(corsHeaders(DEFAULTS, 'GET', { origin: 'null' }), any)
  assert.deepEqual(corsHeaders(DEFAULTS, 'OPTIONS', { origin: A }), any, 'no preflight: nothing is asked for')
  assert.deepEqual(corsHeaders(DEFAULTS, 'GET', {}), {})
  assert.deepEqual(corsHeaders(DEFAULTS, 'TRACE', { origin: A }), {})
  assert.deepEqual(corsHeaders(NARROW, 'GET', { origin: A }), {
    'access-control-allow-origin': A,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'X-B, X-A',
  })
  for (const origin of [
    'https://b.org',
    'https://example.com',
    'https://.example.org',
    'https://a.example.com.evil',
  ])
    assert.deepEqual(corsHeaders(NARROW, 'GET', { origin }), {}, origin)
})

test('the reply to a preflight allows what it asks for, or nothing (R)', () => {
  assert.deepEqual(preflight(DEFAULTS, A, 'GET'), {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET',
  })
  assert.deepEqual(preflight(DEFAULTS, A, 'POST', 'authorization,content-type'), {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization,content-type',
  })
  assert.deepEqual(preflight(NARROW, A, 'GET'), {
    'access-control-allow-origin': A,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET',
    'access-control-max-age': '600',
  })
  for (const [origin, method, headers] of [
    [A, 'POST', 'x-custom'],
    [A, 'BREW'],
    [A, 'get'],
    [A, 'GET', 'authorization'],
    ['https://b.org', 'GET'],
    [undefined, 'GET'],
  ] as const)
    assert.deepEqual(preflight(NARROW, origin, method, headers), {}, `${origin} ${method} ${headers}`)
})

test('a star allows every header; a negative age forbids caching (R)', () => {
  assert.deepEqual(
    preflight({ ...DEFAULTS, headers: ['*'], maxAgeSeconds: -1, credentials: true }, A, 'GET', 'x,y'),
    {
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'x,y',
      'access-control-max-age': '0',
    },
  )
})

test('the case of names and spaces around them do not matter', () => {
  assert.notDeepEqual(preflight(DEFAULTS, A, 'GET', 'Content-Type, authorization'), {})
  assert.notDeepEqual(corsHeaders(NARROW, 'GET', { origin: 'HTTPS://A.EXAMPLE.COM' }), {})
})

test('an empty list allows no origin', () => {
  assert.deepEqual(corsHeaders({ ...DEFAULTS, origins: [] }, 'GET', { origin: A }), {})
})
