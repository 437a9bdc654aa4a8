/** test/fail_closed — an exception means no: thrown from every handler, every service, every client and every part of the way out, in turn. */
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

/** All of them switched on, with their documented examples. */
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

/** Configurations in which a handler uses all that it may use. */
const CONFIG_OVERRIDES: Readonly<Record<string, object>> = {
  hydrator: { api: { url: 'http://profiles:8080/hydrate' }, cache: { enabled: true, ttl: '10s' } },
  cookie_session: { require: { authenticated_within: '1h' } },
}

/** One rule for everything, in which `handler` has its part. Without it the request would be let in (or refused by `unauthorized`). */
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

/** Whatever may be thrown, and both ways of throwing. */
const THROWN_VALUES: Readonly<Record<string, unknown>> = {
  'an Error': new Error('boom'),
  undefined,
  'an identity': identity('root'),
  'something that cannot be looked at': new Proxy(
    {},
    {
      get() {
        throw new Error('do not look')
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

/** What goes wrong in the houses now, and whether it had its turn. */
let activeFault: { readonly at: string; readonly thrower: () => unknown } | undefined
let faultTriggered = false

/** The same function, which goes wrong while `fault` is at this place. */
const withFault = <F>(at: string, run: F): F =>
  ((...args: unknown[]): unknown => {
    if (activeFault?.at !== at) return (run as (...all: unknown[]) => unknown)(...args)
    faultTriggered = true
    return activeFault.thrower()
  }) as F

const withMemberFaults = <T extends object>(at: string, part: T): T =>
  Object.fromEntries(
    Object.entries(part).map(([name, member]) => [
      name,
      typeof member === 'function' ? withFault(`${at}.${name}`, member) : member,
    ]),
  ) as T

/** Every function that a handler may call, by path. */
const withServiceFaults = (services: Services): Services => ({
  clock: withMemberFaults('clock', services.clock),
  send: withFault('send', services.send),
  kratos: withMemberFaults('kratos', services.kratos),
  jwks: withMemberFaults('keys', services.jwks),
  oauth2: withMemberFaults('oauth2', services.oauth2),
  // Whoever asks for a shelf asks at load.
  getCache: name =>
    ({ ...services.getCache(name), ...withMemberFaults('cache', services.getCache(name)) }) as never,
  reportEmptySubject: withFault('subjectless', services.reportEmptySubject),
  cacheKey: withFault('keyOf', services.cacheKey),
})

/** What is called by somebody while a Check is decided; the rest of the list is swept all the same. */
const CALLED_SERVICES = [
  'send',
  'kratos.verify',
  'keys.verify',
  'keys.issue',
  'oauth2.introspect',
  'oauth2.fetchClientToken',
]
const SERVICES = [
  ...CALLED_SERVICES,
  'cache.get',
  'cache.ask',
  'clock.now',
  'clock.wall',
  'keyOf',
  'subjectless',
]

/** A house for each handler, in which everything can go wrong. */
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

/** The answer while something is at fault; `undefined` where that never had its turn. */
async function responseWithFault(handler: AnyHandler, at: string, thrower: () => unknown) {
  activeFault = { at, thrower }
  faultTriggered = false
  const response = await (harnesses.get(handler) as CheckHarness).send(requestFor(handler))
  activeFault = undefined
  return faultTriggered ? response : undefined
}

test('the sweep is not vacuous: where nothing goes wrong, the same rules let in or refuse for their own reasons', async () => {
  const statuses = new Map<string, number>()
  for (const [handler, house] of harnesses) {
    statuses.set(`${handler.kind} ${handler.id}`, statusOf(await house.send(requestFor(handler))))
    assert.deepEqual(house.errors, [])
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

for (const handler of HANDLERS) {
  test(`${handler.kind} ${handler.id} that throws or rejects, whatever it is, refuses`, async () => {
    for (const [how, thrower] of faultFunctions) {
      // A responder answers at once; one that waits does not pass the compiler.
      if (handler.kind === 'error' && how.startsWith('rejects')) continue
      const response = await responseWithFault(handler, `${handler.kind} ${handler.id}`, thrower)
      assert.ok(response, `${how}: it had its turn`)
      assert.ok(isDenial(response), how)
      assert.equal(response.denied_response?.status?.code, 500, how)
      // Caught where the rule is known, so that the log can name it.
      const { decisions, errors: accidents } = harnesses.get(handler) as CheckHarness
      assert.deepEqual([decisions.at(-1)?.metadata.rule, accidents], ['one', []], how)
    }
  })
}

for (const at of SERVICES) {
  test(`services.${at} that throws refuses, whichever handler calls it`, async () => {
    let callers = 0
    for (const handler of HANDLERS) {
      const response = await responseWithFault(handler, at, throwError)
      if (response === undefined) continue
      callers++
      assert.ok(isDenial(response), `${handler.kind} ${handler.id}`)
    }
    if (CALLED_SERVICES.includes(at)) assert.ok(callers > 0, 'somebody calls it')
  })
}

/** What a client that is broken may do instead of telling a failure. */
const BROKEN_CLIENTS: Readonly<Record<string, () => unknown>> = {
  throws: throwError,
  rejects: () => Promise.reject(new Error('boom')),
  'says nothing': () => Promise.resolve(undefined),
  'says half': () => Promise.resolve({ kind: 'answered' }),
}
for (const [what, thrower] of Object.entries(BROKEN_CLIENTS)) {
  test(`a connection that ${what} refuses, whoever asks over it`, async () => {
    let callers = 0
    for (const handler of HANDLERS) {
      const response = await responseWithFault(handler, 'client', thrower)
      if (response === undefined) continue
      callers++
      assert.ok(isDenial(response), `${handler.kind} ${handler.id}`)
    }
    assert.ok(callers >= 6, `${callers} handlers asked`)
  })
}

const throwingProxy = <T>(value: object): T =>
  new Proxy(value, {
    get(target, key) {
      // `await` looks for this one.
      if (key === 'then' || key === 'kind') return Reflect.get(target, key)
      throw new Error('boom')
    },
  }) as T

/** The corridor around a decision that was made somewhere else. */
async function runCheck(parts: {
  readonly find?: () => never
  readonly decision?: () => Decision
  readonly record?: () => void
  readonly snapshot?: () => never
  readonly request?: Buffer
  readonly metadata?: () => string
  readonly around?: () => never
}): Promise<{ bytes: Buffer; accidents: number }> {
  let accidents = 0
  const now = () => performance.now() as Instant
  const whole = createSnapshot({
    revision: '',
    rules: [],
    settableHeaders: new Set(),
    fallbackResponders: [],
  })
  const check = createCheckHandler({
    snapshot: parts.snapshot ?? (() => ({ ...whole, ...(parts.find && { find: parts.find }) })),
    onDecision: [() => parts.record?.()],
    onError: () => {
      accidents++
    },
    now,
    paths: 'strict',
    withSpan: parts.around ?? (parts.decision && (() => (parts.decision as () => Decision)())),
  })
  const metadata = { get: parts.metadata ?? (() => undefined) }
  const request = parts.request ?? encodeRequest({ path: '/x' })
  const bytes = await check({ request, metadata, deadline: undefined, arrived: now() })
  return { bytes, accidents }
}

const trail = { rule: '', authenticator: '', refusedBy: '', code: 'ok', reason: '', annotations: {} } as const

const CHECK_FAULTS: Readonly<Record<string, Parameters<typeof runCheck>[0]>> = {
  'decode, which gets no bytes': { request: throwingProxy<Buffer>({}) },
  'the metadata of the call': { metadata: throwError },
  'the rules in force': { snapshot: throwError },
  'the tracer around it': { around: throwError },
  'the record of it': { record: throwError },
  'encode, of an allow that cannot be read': { decision: () => throwingProxy<Decision>({ kind: 'allow' }) },
  'encode, of a denial that cannot be read': { decision: () => throwingProxy<Decision>({ kind: 'deny' }) },
  'encode, of an allow with half a header': {
    decision: () => ({
      kind: 'allow',
      headers: [{ name: 'x' } as never],
      remove: [],
      responseHeaders: [],
      metadata: trail,
    }),
  },
  'encode, of a denial without a body': {
    decision: () => ({ kind: 'deny', status: 401, headers: [], body: undefined as never, metadata: trail }),
  },
}
for (const [what, parts] of Object.entries(CHECK_FAULTS)) {
  test(`an accident in ${what} is the prepared denial, and is told`, async () => {
    const { bytes, accidents } = await runCheck(parts)
    assert.deepEqual(bytes, INTERNAL_ERROR_RESPONSE)
    assert.equal(accidents, 1)
  })
}

test('an accident while a rule is looked for refuses (F10)', async () => {
  const { bytes } = await runCheck({ find: throwError })
  assert.equal(decodeResponse(bytes).denied_response?.status?.code, 500)
})

test('for any bytes on the wire there is no allow without a matching rule, and an answer for each (F5, F6, J16)', async () => {
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

test('for any value that is thrown, by any stage, decide refuses', async () => {
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
