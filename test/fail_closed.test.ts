/** An exception always means a denial: thrown from every handler, service and client, and from every part of a Check in turn. */
import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import fc from 'fast-check'
import type { Decision } from '../src/access/decision.ts'
import { identity } from '../src/access/session.ts'
import { createSnapshot } from '../src/access/snapshot.ts'
import type { Send } from '../src/clients/http/message.ts'
import { createCheckHandler } from '../src/envoy/check.ts'
import { INTERNAL_ERROR_RESPONSE } from '../src/envoy/check_response.ts'
import type { TraceHandler } from '../src/handlers/builder.ts'
import type { AnyHandler, HandlerKind } from '../src/handlers/handler.ts'
import { HANDLERS } from '../src/handlers/registry.ts'
import type { Services } from '../src/handlers/services.ts'
import type { Instant } from '../src/lib/time.ts'
import { decodeResponse, encodeRequest, type HttpFields, type Response } from './envoy/reference_codec.ts'
import { type CheckHarness, createCheckHarness, statusOf } from './support/check_harness.ts'

const SECTIONS: Readonly<Record<HandlerKind, string>> = {
  authenticator: 'authenticators',
  authorizer: 'authorizers',
  mutator: 'mutators',
  error: 'handlers',
}

/** A configuration that enables all handlers with their documented examples. */
function configWithEveryHandler(): string {
  const sections: Record<string, Record<string, object>> = {}
  for (const { kind, id, example } of HANDLERS) {
    const section = SECTIONS[kind]
    const config = Object.keys(example).length === 0 ? {} : { config: example }
    sections[section] = { ...sections[section], [id]: { enabled: true, ...config } }
  }
  const { handlers, ...rest } = sections
  return JSON.stringify({ ...rest, errors: { fallback: ['json'], handlers } })
}
const CONFIG = configWithEveryHandler()

/** Configurations in which a handler calls all its services. */
const CONFIG_OVERRIDES: Readonly<Record<string, object>> = {
  hydrator: { api: { url: 'http://profiles:8080/hydrate' }, cache: { enabled: true, ttl: '10s' } },
  cookie_session: { require: { authenticated_within: '1h' } },
}

/**
 * One rule for all requests that uses `handler`. The rest of the rule allows the request, or denies it with
 * `unauthorized`.
 */
function ruleWith({ kind, id }: AnyHandler): string {
  const at = (section: HandlerKind, otherwise: string) => (kind === section ? id : otherwise)
  const named = (name: string) => ({
    handler: name,
    ...(CONFIG_OVERRIDES[name] && { config: CONFIG_OVERRIDES[name] }),
  })
  return JSON.stringify([
    {
      id: 'one',
      match: { url: '<https?>://<.*>', methods: ['GET', 'POST'] },
      authenticators: [named(at('authenticator', kind === 'error' ? 'unauthorized' : 'noop'))],
      authorizer: { handler: at('authorizer', 'allow') },
      mutators: [named(at('mutator', 'noop'))],
      errors: [{ handler: at('error', 'json') }],
    },
  ])
}

const token = [{ alg: 'RS256', kid: 'k' }, { iss: 'https://id.example.com/' }]
  .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.')
const CREDENTIALS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cookie_session: { cookie: 'ory_kratos_session=x' },
  bearer_token: { authorization: 'Bearer ory_st_x' },
  jwt: { authorization: `Bearer ${token}.c2ln` },
  oauth2_introspection: { authorization: 'Bearer opaque' },
  oauth2_client_credentials: { authorization: `Basic ${Buffer.from('id:secret').toString('base64')}` },
}
const requestFor = ({ id }: AnyHandler): HttpFields => ({
  method: 'POST',
  path: '/x',
  headers: { ...CREDENTIALS[id], 'x-request-id': 'r1' },
  body: '{}',
})

const isDenial = (response: Response): boolean =>
  (response.status?.code ?? 0) !== 0 && response.http_response === 'denied_response'

/** Values to throw, synchronously and as a rejection. */
const THROWN_VALUES: Readonly<Record<string, unknown>> = {
  'an Error': new Error('boom'),
  undefined,
  'an identity': identity('root'),
  'a proxy that throws when it is read': new Proxy(
    {},
    {
      get() {
        throw new Error('read')
      },
    },
  ),
}
const faultFunctions = Object.entries(THROWN_VALUES).flatMap(([what, thrown]) => [
  [
    `throws ${what}`,
    () => {
      throw thrown
    },
  ] as const,
  [`rejects with ${what}`, () => Promise.reject(thrown)] as const,
])

const throwError = (): never => {
  throw new Error('boom')
}

/** The function that fails now, and whether it was called. */
let activeFault: { readonly at: string; readonly thrower: () => unknown } | undefined
let faultTriggered = false

/** Wraps a function. It fails while `activeFault` names it. */
const withFault = <F>(at: string, run: F): F =>
  ((...args: unknown[]): unknown => {
    if (activeFault?.at !== at) return (run as (...all: unknown[]) => unknown)(...args)
    faultTriggered = true
    return activeFault.thrower()
  }) as F

const withMemberFaults = <T extends object>(at: string, part: T): T =>
  Object.fromEntries(
    Object.entries(part).map(([name, member]) => {
      if (typeof member !== 'function') return [name, member]
      wrappedServices.add(`${at}.${name}`)
      return [name, withFault(`${at}.${name}`, member)]
    }),
  ) as T

/** Names of all wrapped services, so that the test can prove that it sweeps services that exist. */
const wrappedServices = new Set<string>()

/** Wraps every function that a handler can call. */
const withServiceFaults = (services: Services): Services => ({
  clock: withMemberFaults('clock', services.clock),
  send: withFault('send', services.send),
  kratos: withMemberFaults('kratos', services.kratos),
  jwks: withMemberFaults('jwks', services.jwks),
  oauth2: withMemberFaults('oauth2', services.oauth2),
  // Handlers get their caches when they are compiled.
  getCache: name =>
    ({ ...services.getCache(name), ...withMemberFaults('cache', services.getCache(name)) }) as never,
  reportEmptySubject: withFault('reportEmptySubject', services.reportEmptySubject),
  cacheKey: withFault('cacheKey', services.cacheKey),
})

/** Services that some handler calls during a Check. */
const CALLED_SERVICES = [
  'send',
  'kratos.verify',
  'jwks.verify',
  'jwks.issue',
  'oauth2.introspect',
  'oauth2.fetchClientToken',
]
/** All services. Those that no handler calls today are swept, too. */
const SERVICES = [
  ...CALLED_SERVICES,
  'cache.get',
  'cache.load',
  'clock.now',
  'clock.wall',
  'cacheKey',
  'reportEmptySubject',
]

/** A harness for each handler, in which every function can fail. */
const harnesses = new Map<AnyHandler, CheckHarness>()
before(async () => {
  const traced: TraceHandler = (kind, id, run) => withFault(`${kind} ${id}`, run)
  const send: Send = withFault('client', async ({ target }) => ({
    kind: 'failed',
    cause: 'connect',
    message: target,
  }))
  for (const handler of HANDLERS) {
    const rules = ruleWith(handler)
    harnesses.set(
      handler,
      await createCheckHarness({ config: CONFIG, rules, traced, send, services: withServiceFaults }),
    )
  }
})

/** The response while a function fails; `undefined` where the function was not called. */
async function responseWithFault(handler: AnyHandler, at: string, thrower: () => unknown) {
  activeFault = { at, thrower }
  faultTriggered = false
  const response = await (harnesses.get(handler) as CheckHarness).send(requestFor(handler))
  activeFault = undefined
  return faultTriggered ? response : undefined
}

test('the sweep is not vacuous: without a failure, some of the same rules allow the request', async () => {
  const statuses = new Map<string, number>()
  for (const [handler, harness] of harnesses) {
    statuses.set(`${handler.kind} ${handler.id}`, statusOf(await harness.send(requestFor(handler))))
    assert.deepEqual(harness.errors, [])
  }
  const allowed = [...statuses].filter(([, status]) => status === 200).map(([name]) => name)
  assert.deepEqual(allowed.toSorted(), [
    'authenticator anonymous',
    'authenticator noop',
    'authorizer allow',
    'mutator cookie',
    'mutator header',
    'mutator noop',
  ])
})

test('every service of the sweep exists, so that a renamed one cannot drop out of it', () => {
  const single = new Set(['send', 'cacheKey', 'reportEmptySubject'])
  assert.deepEqual(
    SERVICES.filter(name => !wrappedServices.has(name) && !single.has(name)),
    [],
  )
})

for (const handler of HANDLERS) {
  test(`${handler.kind} ${handler.id} that throws or rejects with any value denies`, async () => {
    for (const [how, thrower] of faultFunctions) {
      // Responders are synchronous; the type checker rejects another one.
      if (handler.kind === 'error' && how.startsWith('rejects')) continue
      const response = await responseWithFault(handler, `${handler.kind} ${handler.id}`, thrower)
      assert.ok(response, `${how}: it was called`)
      assert.ok(isDenial(response), how)
      assert.equal(response.denied_response?.status?.code, 500, how)
      // The exception is caught where the rule is known, so that the log can name it.
      const { decisions, errors } = harnesses.get(handler) as CheckHarness
      assert.deepEqual([decisions.at(-1)?.metadata.rule, errors], ['one', []], how)
    }
  })
}

for (const at of SERVICES) {
  test(`a handler whose service ${at} throws denies`, async () => {
    let callers = 0
    for (const handler of HANDLERS) {
      const response = await responseWithFault(handler, at, throwError)
      if (response === undefined) continue
      callers++
      assert.ok(isDenial(response), `${handler.kind} ${handler.id}`)
    }
    if (CALLED_SERVICES.includes(at)) assert.ok(callers > 0, 'a handler calls it')
  })
}

/** What a broken client may do instead of returning a failure. */
const BROKEN_CLIENTS: Readonly<Record<string, () => unknown>> = {
  throws: throwError,
  rejects: () => Promise.reject(new Error('boom')),
  'returns nothing': () => Promise.resolve(undefined),
  'returns half a response': () => Promise.resolve({ kind: 'answered' }),
}
for (const [what, thrower] of Object.entries(BROKEN_CLIENTS)) {
  test(`a handler whose HTTP client ${what} denies`, async () => {
    let callers = 0
    for (const handler of HANDLERS) {
      const response = await responseWithFault(handler, 'client', thrower)
      if (response === undefined) continue
      callers++
      assert.ok(isDenial(response), `${handler.kind} ${handler.id}`)
    }
    assert.ok(callers >= 6, `${callers} handlers use the client`)
  })
}

const throwingProxy = <T>(value: object): T =>
  new Proxy(value, {
    get(target, key) {
      // `await` reads `then`.
      if (key === 'then' || key === 'kind') return Reflect.get(target, key)
      throw new Error('boom')
    },
  }) as T

/** Handles one Check in which the given parts fail. */
async function runCheck(parts: {
  readonly find?: () => never
  readonly decision?: () => Decision
  readonly listener?: () => void
  readonly snapshot?: () => never
  readonly request?: Buffer
  readonly metadata?: () => string
  readonly withSpan?: () => never
}): Promise<{ bytes: Buffer; errors: number }> {
  let errors = 0
  const now = () => performance.now() as Instant
  const snapshot = createSnapshot({
    revision: '',
    rules: [],
    settableHeaders: new Set(),
    fallbackResponders: [],
  })
  const check = createCheckHandler({
    snapshot: parts.snapshot ?? (() => ({ ...snapshot, ...(parts.find && { find: parts.find }) })),
    onDecision: [() => parts.listener?.()],
    onError: () => {
      errors++
    },
    overload: { overloaded: false, inProgress: 0 },
    now,
    paths: 'strict',
    withSpan: parts.withSpan ?? (parts.decision && (() => (parts.decision as () => Decision)())),
    showSubject: subject => subject,
  })
  const metadata = { get: parts.metadata ?? (() => undefined) }
  const request = parts.request ?? encodeRequest({ path: '/x' })
  const bytes = await check({ request, metadata, deadline: undefined, arrived: now() })
  return { bytes, errors }
}

const metadata = {
  rule: '',
  authenticator: '',
  refusedBy: '',
  code: 'ok',
  reason: '',
  errorHandler: '',
  revision: '',
  subject: '',
  annotations: {},
} as const

const CHECK_FAULTS: Readonly<Record<string, Parameters<typeof runCheck>[0]>> = {
  'decoding bytes that cannot be read': { request: throwingProxy<Buffer>({}) },
  'reading the metadata of the call': { metadata: throwError },
  'reading the rules in force': { snapshot: throwError },
  'the tracer': { withSpan: throwError },
  'a listener': { listener: throwError },
  'encoding an allow that cannot be read': { decision: () => throwingProxy<Decision>({ kind: 'allow' }) },
  'encoding a denial that cannot be read': { decision: () => throwingProxy<Decision>({ kind: 'deny' }) },
  'encoding an allow with half a header': {
    decision: () => ({
      kind: 'allow',
      headers: [{ name: 'x' } as never],
      remove: [],
      responseHeaders: [],
      metadata,
    }),
  },
  'encoding a denial without a body': {
    decision: () => ({ kind: 'deny', status: 401, headers: [], body: undefined as never, metadata }),
  },
}
for (const [what, parts] of Object.entries(CHECK_FAULTS)) {
  test(`an exception in ${what} is the prepared denial, and is reported`, async () => {
    const { bytes, errors } = await runCheck(parts)
    assert.deepEqual(bytes, INTERNAL_ERROR_RESPONSE)
    assert.equal(errors, 1)
  })
}

test('an exception in the search for a rule denies (F10)', async () => {
  const { bytes } = await runCheck({ find: throwError })
  assert.equal(decodeResponse(bytes).denied_response?.status?.code, 500)
})

test('any bytes are answered, and never with an allow unless a rule matches (F5, F6, J16)', async () => {
  const valid = encodeRequest({
    path: '/x',
    header_map: [
      [':path', '/x'],
      ['cookie', 'a=b'],
    ],
  })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }).map(changes => {
      const copy = Buffer.from(valid)
      for (const [at, byte] of changes) copy[at] = byte
      return copy
    }),
    fc
      .tuple(fc.nat(valid.length), fc.uint8Array({ maxLength: 20 }))
      .map(([at, more]) => Buffer.concat([valid.subarray(0, at), more, valid.subarray(at)])),
  )
  await fc.assert(
    fc.asyncProperty(bytes, async random => {
      const { bytes: answer } = await runCheck({ request: Buffer.from(random) })
      assert.ok(isDenial(decodeResponse(answer)))
    }),
    { numRuns: 2_000 },
  )
})

test('any value that any handler throws is a denial', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.anything(),
      fc.boolean(),
      fc.constantFrom(...HANDLERS),
      async (thrown, waits, handler) => {
        const response = await responseWithFault(handler, `${handler.kind} ${handler.id}`, () => {
          if (waits && handler.kind !== 'error') return Promise.reject(thrown)
          throw thrown
        })
        assert.ok(response && isDenial(response))
      },
    ),
    { numRuns: 500 },
  )
})
