/** test/fakes/session_world — the session memory beside a Kratos that knows who is logged in, and can be sick in each of its ways. */
import { hash } from 'node:crypto'
import type { Credential, Verdict } from '../../src/access/verdict.ts'
import type { Answered, Failed } from '../../src/clients/http/message.ts'
import type { KratosAdmin, WhoamiQuestion } from '../../src/clients/kratos.ts'
import { type Instant, millis } from '../../src/lib/time.ts'
import type { Probe } from '../../src/sessions/kratos/probe.ts'
import type { GateLimits } from '../../src/sessions/kratos/upstream.ts'
import { createSessions, type Endpoint, type SessionsNews } from '../../src/sessions/verifier.ts'
import { fakeClock } from './clock.ts'
import { alive, answered, IDENTITY_ID } from './kratos.ts'
import { requestWith } from './request.ts'

export const KRATOS: Endpoint = {
  whoamiUrl: 'http://kratos:4433/sessions/whoami',
  headers: [],
  maxAge: undefined,
}
const DOWN: Failed = { kind: 'failed', cause: 'connect', message: 'kratos.whoami: no connection' }
/** The same for everything, from a real Kratos (kratos 1.3). */
export const REFUSAL = answered(401, {
  error: {
    code: 401,
    status: 'Unauthorized',
    reason: 'No valid session credentials found in the request.',
    message: 'The request could not be authorized',
  },
})

/** `sick`: the database; whoami says 401 to everybody and the admin API 500. `slow`: answers come when they are let go. */
export type Health = 'well' | 'sick' | 'down' | 'error' | 'slow'

export interface WorldOptions {
  readonly maxAge?: number
  readonly grace?: number
  readonly refreshAhead?: number
  readonly hopeless?: { readonly ttl: number; readonly entries: number }
  readonly limits?: Partial<GateLimits>
  readonly maxEntries?: number
  readonly random?: () => number
  readonly probe?: (world: { admin: KratosAdmin; whoami: ReturnType<typeof kratosOf>['whoami'] }) => Probe
}

/** Ids as Kratos makes them, the same for the same credential. */
export const idOf = (value: string): string =>
  `${hash('sha256', value).slice(0, 8)}-c1d8-401c-978a-8da89133f78b`

function kratosOf() {
  const state = {
    health: 'well' as Health,
    /** Values of credentials whose sessions live. */
    loggedIn: new Set<string>(),
    asked: [] as string[],
    adminAsked: [] as string[],
    /** Looks at each question. */
    seen: (_question: WhoamiQuestion): unknown => undefined,
    /** What a credential gets instead of what it should. */
    answers: new Map<string, Answered | Failed>(),
  }
  const held: (() => void)[] = []
  const answerNow = (value: string): Answered | Failed => {
    if (state.health === 'down') return DOWN
    if (state.health === 'error') return answered(500)
    const instead = state.answers.get(value)
    if (instead !== undefined) return instead
    if (state.health === 'sick' || !state.loggedIn.has(value)) return REFUSAL
    return alive([], { id: idOf(value) })
  }
  const whoami = async (question: WhoamiQuestion): Promise<Answered | Failed> => {
    const { credential } = question
    state.seen(question)
    state.asked.push(credential.value)
    if (state.health !== 'slow') return answerNow(credential.value)
    // Its database was read when the question came.
    const answer = answerNow(credential.value)
    await new Promise<void>(resolve => held.push(resolve))
    return (state.health as Health) === 'well' ? answer : answerNow(credential.value)
  }
  const admin: KratosAdmin = {
    load: async () => {},
    async session(id) {
      state.adminAsked.push(id)
      if (state.health === 'down') return DOWN
      if (state.health !== 'well') return { kind: 'refused', status: 500 }
      const living = [...state.loggedIn].some(value => idOf(value) === id)
      if (!living) return { kind: 'refused', status: 404 }
      const identity = { id: IDENTITY_ID, state: 'active' }
      return { kind: 'found', body: { id, active: true, identity } as never }
    },
  }
  /** Everything that was held is answered: as it was when it was asked where Kratos is well by now, else as sick as it is. */
  const letGo = (health: Health = 'well') => {
    state.health = health
    for (const go of held.splice(0)) go()
  }
  return { state, whoami, admin, letGo, held }
}

export function sessionWorld(options: WorldOptions = {}) {
  const clock = fakeClock()
  const kratos = kratosOf()
  const news: SessionsNews[] = []
  const probe = options.probe?.(kratos)
  const sessions = createSessions({
    clock,
    whoami: kratos.whoami,
    maxAge: millis(options.maxAge ?? 60_000),
    maxEntries: options.maxEntries ?? 1_000,
    grace: millis(options.grace ?? 0),
    hold: millis(5_000),
    secret: Buffer.from('secret of a test'),
    random: options.random ?? (() => 0),
    refreshAhead: options.refreshAhead ?? 0,
    ...(options.hopeless === undefined
      ? {}
      : { hopeless: { ttl: millis(options.hopeless.ttl), entries: options.hopeless.entries } }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    probeFor: () => probe,
    tell: one => news.push(one),
  })
  const verify = (
    value: string,
    over: { fresh?: boolean; kind?: 'cookie' | 'token'; address?: string; endpoint?: Endpoint } = {},
  ) => {
    const { fresh = false, kind = 'cookie', address = '', endpoint = KRATOS } = over
    const credential: Credential = { kind, name: kind === 'cookie' ? 'ory_kratos_session' : '', value }
    const request = { ...requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant }) }
    return sessions.verify(endpoint, credential, { ...request, remoteAddress: address }, { fresh })
  }
  /** All of them log in and are seen once. */
  const logIn = async (...values: readonly string[]) => {
    for (const value of values) kratos.state.loggedIn.add(value)
    for (const value of values) await verify(value)
    kratos.state.asked.length = 0
  }
  return { clock, kratos, sessions, verify, logIn, news, ...kratos.state, state: kratos.state }
}

/** `verified hit`, `unavailable`, … */
export const stateOf = (verdict: Verdict): string =>
  'cache' in verdict ? `${verdict.kind} ${verdict.cache}` : verdict.kind

export const many = (count: number, name = 'user'): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`)
