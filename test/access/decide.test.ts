import assert from 'node:assert/strict'
import test from 'node:test'
import { decide } from '../../src/access/decide.ts'
import type { Decision } from '../../src/access/decision.ts'
import { forbidden, noRule, unauthorized, withAnnotations } from '../../src/access/denial.ts'
import { type Authenticate, NOT_RESPONSIBLE, type Responder, type Step } from '../../src/access/pipeline.ts'
import type { RequestView } from '../../src/access/request.ts'
import type { CompiledRule } from '../../src/access/rule.ts'
import { identity, withHeader } from '../../src/access/session.ts'
import type { Snapshot } from '../../src/access/snapshot.ts'

const request = { method: 'GET', scheme: 'https', authority: 'app', path: '/', query: '' } as RequestView

const statusOnly: Responder = {
  id: 'status',
  when: () => true,
  respond: denial => ({ status: denial.status, headers: [], body: 'responder' }),
}

interface RuleFixture {
  readonly authenticators?: readonly Authenticate[]
  readonly steps?: readonly Step[]
  readonly responders?: readonly Responder[]
  readonly writes?: readonly string[]
  readonly find?: Snapshot['find']
}

function snapshotOf(fixture: RuleFixture): Snapshot {
  const rule: CompiledRule = {
    id: 'r',
    methods: new Set(['GET']),
    pattern: { text: '', origins: undefined, pathPrefix: '', exec: () => [] },
    authenticators: (fixture.authenticators ?? [() => identity('u1')]).map((run, i) => ({
      id: `a${i}`,
      run,
    })),
    steps: (fixture.steps ?? [session => session]).map((run, i) => ({ id: `s${i}`, run })),
    responders: fixture.responders ?? [statusOnly],
  }
  return {
    revision: '1',
    rules: [rule],
    settableHeaders: new Set(fixture.writes ?? []),
    fallbackResponders: [statusOnly],
    find: fixture.find ?? (() => ({ kind: 'found', rule, captures: ['c'] })),
  }
}

const boom = (): never => {
  throw new Error('boom')
}
const eventually = <T>(value: T): Promise<T> => new Promise(done => setImmediate(done, value))

test('an authenticated request that every step passes is allowed with the headers that they set', () => {
  const decision = decide(
    snapshotOf({
      steps: [s => s, s => withHeader(s, 'x-user-id', s.subject)],
      writes: ['x-user-id', 'x-role'],
    }),
    request,
  ) as Decision
  assert.equal(decision.kind, 'allow')
  assert.deepEqual(decision.headers, [{ name: 'x-user-id', value: 'u1' }])
  assert.deepEqual(decision.kind === 'allow' && decision.remove, ['x-role'])
  assert.equal(decision.metadata.rule, 'r')
  assert.equal(decision.metadata.authenticator, 'a0')
})

test('without asynchronous handlers, the decision is synchronous', () => {
  assert.ok(!(decide(snapshotOf({}), request) instanceof Promise))
})

test('asynchronous handlers lead to the same decision', async () => {
  const decision = await decide(
    snapshotOf({
      authenticators: [() => eventually(NOT_RESPONSIBLE), () => eventually(identity('u2'))],
      steps: [s => eventually(s)],
    }),
    request,
  )
  assert.equal(decision.kind, 'allow')
  assert.equal(decision.metadata.authenticator, 'a1')
})

test('the first authenticator that applies decides, even if it denies', () => {
  const decision = decide(
    snapshotOf({
      authenticators: [
        () => NOT_RESPONSIBLE,
        () => unauthorized('credential_rejected'),
        () => identity('guest'),
      ],
    }),
    request,
  ) as Decision
  assert.equal(decision.kind, 'deny')
  assert.equal(decision.kind === 'deny' && decision.status, 401)
  assert.equal(decision.metadata.refusedBy, 'a1')
})

test('no applicable authenticator is 401', () => {
  const decision = decide(snapshotOf({ authenticators: [() => NOT_RESPONSIBLE] }), request) as Decision
  assert.equal(decision.kind === 'deny' && decision.status, 401)
  assert.equal(decision.metadata.code, 'no_authenticator_responsible')
})

test('no step runs after one that denies', () => {
  let reached = false
  const decision = decide(
    snapshotOf({
      steps: [
        () => forbidden('forbidden'),
        s => {
          reached = true
          return s
        },
      ],
    }),
    request,
  ) as Decision
  assert.equal(decision.kind === 'deny' && decision.status, 403)
  assert.equal(reached, false)
})

test('the fallback responders render the denial of a request without a rule', () => {
  const decision = decide(snapshotOf({ find: () => noRule() }), request) as Decision
  assert.equal(decision.kind === 'deny' && decision.status, 404)
  assert.equal(decision.kind === 'deny' && decision.body, 'responder')
})

for (const [where, fixture] of Object.entries<RuleFixture>({
  'the search for a rule throws': { find: boom },
  'an authenticator throws': { authenticators: [boom] },
  'an authenticator rejects': { authenticators: [() => Promise.reject(new Error('boom'))] },
  'a later authenticator rejects': {
    authenticators: [() => eventually(NOT_RESPONSIBLE), () => Promise.reject('boom')],
  },
  'a step throws': { steps: [boom] },
  'a step rejects after waiting': { steps: [s => eventually(s), () => Promise.reject(new Error('boom'))] },
  'a step throws undefined': {
    steps: [
      () => {
        throw undefined
      },
    ],
  },
})) {
  test(`when ${where}, the decision is a 500 denial and never an allow`, async () => {
    const decision = await decide(snapshotOf(fixture), request)
    assert.equal(decision.kind, 'deny')
    assert.equal(decision.kind === 'deny' && decision.status, 500)
    assert.equal(decision.metadata.code, 'internal')
  })
}

for (const [where, responder] of Object.entries<Responder>({
  'when() throws': { id: 'x', when: boom, respond: statusOnly.respond },
  'respond() throws': { id: 'x', when: () => true, respond: boom },
})) {
  test(`a responder whose ${where} still yields a denial`, () => {
    const decision = decide(
      snapshotOf({ authenticators: [() => NOT_RESPONSIBLE], responders: [responder] }),
      request,
    ) as Decision
    assert.equal(decision.kind, 'deny')
    assert.equal(decision.kind === 'deny' && decision.status, 500)
  })
}

for (const [what, name, value] of [
  ['frames the message', 'transfer-encoding', 'chunked'],
  ['has a line break', 'x-user-id', 'u1\r\nx-role: admin'],
  ['is Envoy’s own', 'x-envoy-internal', 'true'],
] as const) {
  test(`an allow with a header that ${what} is a 500 denial, so that no transport can send it`, () => {
    const decision = decide(snapshotOf({ steps: [s => withHeader(s, name, value)] }), request) as Decision
    assert.equal(decision.kind === 'deny' && decision.status, 500)
    assert.deepEqual([decision.metadata.code, decision.metadata.rule], ['template', 'r'])
    assert.ok(!JSON.stringify(decision).includes('x-role'))
  })
}

test('a denial whose responder sets an invalid header is a 500 denial without it', () => {
  const responder: Responder = {
    id: 'x',
    when: () => true,
    respond: () => ({
      status: 302,
      headers: [{ name: 'location', value: '/\r\nset-cookie: a=b' }],
      body: '',
    }),
  }
  const fixture = { authenticators: [() => NOT_RESPONSIBLE], responders: [responder] }
  const decision = decide(snapshotOf(fixture), request) as Decision
  assert.equal(decision.kind === 'deny' && decision.status, 500)
  assert.ok(!JSON.stringify(decision).includes('set-cookie'))
})

test('authorization and cookie are not removed, although a rule can set them', () => {
  const decision = decide(
    snapshotOf({ writes: ['authorization', 'cookie', 'x-user-id'] }),
    request,
  ) as Decision
  assert.deepEqual(decision.kind === 'allow' && decision.remove, ['x-user-id'])
})

test('a denial has the annotations of the authenticator, whichever handler denies', () => {
  const who = identity('u1', undefined, { annotations: { cache: 'hit' } })
  const byStep = decide(
    snapshotOf({ authenticators: [() => who], steps: [() => forbidden('forbidden')] }),
    request,
  ) as Decision
  assert.deepEqual([byStep.kind, byStep.metadata.annotations], ['deny', { cache: 'hit' }])
  const rejected = withAnnotations(unauthorized('credential_rejected'), { cache: 'miss' })
  const byAuthenticator = decide(snapshotOf({ authenticators: [() => rejected] }), request) as Decision
  assert.deepEqual(byAuthenticator.metadata.annotations, { cache: 'miss' })
})
