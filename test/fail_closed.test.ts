/** test/fail_closed — an exception means no: thrown from every handler, every service, every client and every part of the way out, in turn. */
import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import fc from 'fast-check'
import type { Decision } from '../src/access/decision.ts'
import { identity } from '../src/access/session.ts'
import { createSnapshot } from '../src/access/snapshot.ts'
import type { Send } from '../src/clients/http/message.ts'
import { createCheck } from '../src/envoy/check.ts'
import { PREPARED_500 } from '../src/envoy/encode.ts'
import type { Traced } from '../src/handlers/builder.ts'
import type { Kind, SealedHandler } from '../src/handlers/handler.ts'
import { HANDLERS } from '../src/handlers/registry.ts'
import type { Services } from '../src/handlers/services.ts'
import type { Instant } from '../src/lib/time.ts'
import { decodeResponse, encodeRequest, type HttpFields, type Response } from './envoy/messages.ts'
import { type House, openHouse, statusOf } from './support/house.ts'

const SECTIONS: Readonly<Record<Kind, string>> = {
  authenticator: 'authenticators',
  authorizer: 'authorizers',
  mutator: 'mutators',
  error: 'handlers',
}

/** All of them switched on, with their documented examples. */
function everyHandler(): string {
  const sections: Record<string, Record<string, object>> = {}
  for (const { kind, id, example } of HANDLERS) {
    const section = SECTIONS[kind]
    const config = Object.keys(example).length === 0 ? {} : { config: example }
    sections[section] = { ...sections[section], [id]: { enabled: true, ...config } }
  }
  const { handlers, ...rest } = sections
  return JSON.stringify({ ...rest, errors: { fallback: ['json'], handlers } })
}
const CONFIG = everyHandler()

/** Configurations in which a handler uses all that it may use. */
const THOROUGH: Readonly<Record<string, object>> = {
  hydrator: { api: { url: 'http://profiles:8080/hydrate' }, cache: { enabled: true, ttl: '10s' } },
  cookie_session: { require: { authenticated_within: '1h' } },
}

/** One rule for everything, in which `handler` has its part. Without it the request would be let in (or refused by `unauthorized`). */
function ruleWith({ kind, id }: SealedHandler): string {
  const at = (section: Kind, otherwise: string) => (kind === section ? id : otherwise)
  const named = (name: string) => ({ handler: name, ...(THOROUGH[name] && { config: THOROUGH[name] }) })
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
const requestFor = ({ id }: SealedHandler): HttpFields => ({
  method: 'POST',
  path: '/x',
  headers: { ...CREDENTIALS[id], 'x-request-id': 'r1' },
  body: '{}',
})

const denied = (response: Response): boolean =>
  (response.status?.code ?? 0) !== 0 && response.http_response === 'denied_response'

/** Whatever may be thrown, and both ways of throwing. */
const THROWN: Readonly<Record<string, unknown>> = {
  'an Error': new Error('boom'),
  undefined: undefined,
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
const throwers = Object.entries(THROWN).flatMap(([what, thrown]) => [
  [
    `throws ${what}`,
    () => {
      throw thrown
    },
  ] as const,
  [`rejects with ${what}`, () => Promise.reject(thrown)] as const,
])

const boom = (): never => {
  throw new Error('boom')
}

/** What goes wrong in the houses now, and whether it had its turn. */
let fault: { readonly at: string; readonly thrower: () => unknown } | undefined
let happened = false

/** The same function, which goes wrong while `fault` is at this place. */
const breakable = <F>(at: string, run: F): F =>
  ((...args: unknown[]): unknown => {
    if (fault?.at !== at) return (run as (...all: unknown[]) => unknown)(...args)
    happened = true
    return fault.thrower()
  }) as F

const breakableMembers = <T extends object>(at: string, part: T): T =>
  Object.fromEntries(
    Object.entries(part).map(([name, member]) => [
      name,
      typeof member === 'function' ? breakable(`${at}.${name}`, member) : member,
    ]),
  ) as T

/** Every function that a handler may call, by path. */
const breakableServices = (services: Services): Services => ({
  clock: breakableMembers('clock', services.clock),
  send: breakable('send', services.send),
  kratos: breakableMembers('kratos', services.kratos),
  keys: breakableMembers('keys', services.keys),
  oauth2: breakableMembers('oauth2', services.oauth2),
  // Whoever asks for a shelf asks at load.
  cache: name => ({ ...services.cache(name), ...breakableMembers('cache', services.cache(name)) }) as never,
  subjectless: breakable('subjectless', services.subjectless),
  keyOf: breakable('keyOf', services.keyOf),
})

/** What is called by somebody while a Check is decided; the rest of the list is swept all the same. */
const CALLED = [
  'send',
  'kratos.verify',
  'keys.verify',
  'keys.issue',
  'oauth2.introspect',
  'oauth2.clientToken',
]
const SERVICES = [...CALLED, 'cache.get', 'cache.ask', 'clock.now', 'clock.wall', 'keyOf', 'subjectless']

/** A house for each handler, in which everything can go wrong. */
const houses = new Map<SealedHandler, House>()
before(async () => {
  const traced: Traced = (kind, id, run) => breakable(`${kind} ${id}`, run)
  const send: Send = breakable('client', async ({ target }) => ({
    kind: 'failed',
    cause: 'connect',
    message: target,
  }))
  for (const handler of HANDLERS) {
    const rules = ruleWith(handler)
    houses.set(handler, await openHouse({ config: CONFIG, rules, traced, send, services: breakableServices }))
  }
})

/** The answer while something is at fault; `undefined` where that never had its turn. */
async function answerWith(handler: SealedHandler, at: string, thrower: () => unknown) {
  fault = { at, thrower }
  happened = false
  const response = await (houses.get(handler) as House).ask(requestFor(handler))
  fault = undefined
  return happened ? response : undefined
}

test('the sweep is not vacuous: where nothing goes wrong, the same rules let in or refuse for their own reasons', async () => {
  const statuses = new Map<string, number>()
  for (const [handler, house] of houses) {
    statuses.set(`${handler.kind} ${handler.id}`, statusOf(await house.ask(requestFor(handler))))
    assert.deepEqual(house.accidents, [])
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
    for (const [how, thrower] of throwers) {
      // A responder answers at once; one that waits does not pass the compiler.
      if (handler.kind === 'error' && how.startsWith('rejects')) continue
      const response = await answerWith(handler, `${handler.kind} ${handler.id}`, thrower)
      assert.ok(response, `${how}: it had its turn`)
      assert.ok(denied(response), how)
      assert.equal(response.denied_response?.status?.code, 500, how)
      // Caught where the rule is known, so that the log can name it.
      const { decisions, accidents } = houses.get(handler) as House
      assert.deepEqual([decisions.at(-1)?.trail.rule, accidents], ['one', []], how)
    }
  })
}

for (const at of SERVICES) {
  test(`services.${at} that throws refuses, whichever handler calls it`, async () => {
    let callers = 0
    for (const handler of HANDLERS) {
      const response = await answerWith(handler, at, boom)
      if (response === undefined) continue
      callers++
      assert.ok(denied(response), `${handler.kind} ${handler.id}`)
    }
    if (CALLED.includes(at)) assert.ok(callers > 0, 'somebody calls it')
  })
}

/** What a client that is broken may do instead of telling a failure. */
const BROKEN: Readonly<Record<string, () => unknown>> = {
  throws: boom,
  rejects: () => Promise.reject(new Error('boom')),
  'says nothing': () => Promise.resolve(undefined),
  'says half': () => Promise.resolve({ kind: 'answered' }),
}
for (const [what, thrower] of Object.entries(BROKEN)) {
  test(`a connection that ${what} refuses, whoever asks over it`, async () => {
    let callers = 0
    for (const handler of HANDLERS) {
      const response = await answerWith(handler, 'client', thrower)
      if (response === undefined) continue
      callers++
      assert.ok(denied(response), `${handler.kind} ${handler.id}`)
    }
    assert.ok(callers >= 6, `${callers} handlers asked`)
  })
}

const explosive = <T>(value: object): T =>
  new Proxy(value, {
    get(target, key) {
      // `await` looks for this one.
      if (key === 'then' || key === 'kind') return Reflect.get(target, key)
      throw new Error('boom')
    },
  }) as T

/** The corridor around a decision that was made somewhere else. */
async function corridor(parts: {
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
  const whole = createSnapshot({ revision: '', rules: [], writes: new Set(), fallback: [] })
  const check = createCheck({
    snapshot: parts.snapshot ?? (() => ({ ...whole, ...(parts.find && { find: parts.find }) })),
    record: () => parts.record?.(),
    accident: () => {
      accidents++
    },
    now,
    paths: 'strict',
    around: parts.around ?? (parts.decision && (() => (parts.decision as () => Decision)())),
  })
  const metadata = { get: parts.metadata ?? (() => undefined) }
  const request = parts.request ?? encodeRequest({ path: '/x' })
  const bytes = await check({ request, metadata, deadline: undefined, arrived: now() })
  return { bytes, accidents }
}

const trail = { rule: '', authenticator: '', refusedBy: '', code: 'ok', reason: '', notes: {} } as const

const WAY: Readonly<Record<string, Parameters<typeof corridor>[0]>> = {
  'decode, which gets no bytes': { request: explosive<Buffer>({}) },
  'the metadata of the call': { metadata: boom },
  'the rules in force': { snapshot: boom },
  'the tracer around it': { around: boom },
  'the record of it': { record: boom },
  'encode, of an allow that cannot be read': { decision: () => explosive<Decision>({ kind: 'allow' }) },
  'encode, of a denial that cannot be read': { decision: () => explosive<Decision>({ kind: 'deny' }) },
  'encode, of an allow with half a header': {
    decision: () => ({
      kind: 'allow',
      headers: [{ name: 'x' } as never],
      remove: [],
      responseHeaders: [],
      trail,
    }),
  },
  'encode, of a denial without a body': {
    decision: () => ({ kind: 'deny', status: 401, headers: [], body: undefined as never, trail }),
  },
}
for (const [what, parts] of Object.entries(WAY)) {
  test(`an accident in ${what} is the prepared denial, and is told`, async () => {
    const { bytes, accidents } = await corridor(parts)
    assert.deepEqual(bytes, PREPARED_500)
    assert.equal(accidents, 1)
  })
}

test('an accident while a rule is looked for refuses (F10)', async () => {
  const { bytes } = await corridor({ find: boom })
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
      const { bytes: answer } = await corridor({ request: Buffer.from(random) })
      assert.ok(denied(decodeResponse(answer)))
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
        const response = await answerWith(handler, `${handler.kind} ${handler.id}`, () => {
          if (waits && handler.kind !== 'error') return Promise.reject(thrown)
          throw thrown
        })
        assert.ok(response && denied(response))
      },
    ),
    { numRuns: 500 },
  )
})
