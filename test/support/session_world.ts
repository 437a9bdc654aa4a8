/** test/fakes/session_world — the session memory beside a Kratos that knows who is logged in, and can be sick in each of its ways. */
import { hash } from 'node:crypto'
import type { Credential, Verdict } from '../../src/access/verdict.ts'
import type { HttpFailure, HttpResponse } from '../../src/clients/http/message.ts'
import type { KratosAdmin, WhoamiRequest } from '../../src/clients/kratos.ts'
import { type Instant, millis } from '../../src/lib/time.ts'
import type { Probe } from '../../src/sessions/kratos/probe.ts'
import type { KratosUpstreamOptions } from '../../src/sessions/kratos/upstream.ts'
import {
  createSessionVerifier,
  type SessionEndpoint,
  type SessionEvent,
} from '../../src/sessions/verifier.ts'
import { fakeClock } from './clock.ts'
import { answered, IDENTITY_ID, liveSession } from './kratos.ts'
import { requestWith } from './request.ts'

export const KRATOS: SessionEndpoint = {
  whoamiUrl: 'http://kratos:4433/sessions/whoami',
  headers: [],
  maxAge: undefined,
}
const CONNECTION_FAILED: HttpFailure = {
  kind: 'failed',
  cause: 'connect',
  message: 'kratos.whoami: no connection',
}
/** The same for everything, from a real Kratos (kratos 1.3). */
export const UNAUTHORIZED = answered(401, {
  error: {
    code: 401,
    status: 'Unauthorized',
    reason: 'No valid session credentials found in the request.',
    message: 'The request could not be authorized',
  },
})

/** `sick`: the database; whoami says 401 to everybody and the admin API 500. `slow`: answers come when they are let go. */
export type KratosHealth = 'well' | 'sick' | 'down' | 'error' | 'slow'

export interface SessionHarnessOptions {
  readonly maxAge?: number
  readonly staleIfError?: number
  readonly refreshAhead?: number
  readonly negativeCache?: { readonly ttl: number; readonly entries: number }
  readonly upstreamOptions?: Partial<KratosUpstreamOptions>
  readonly maxEntries?: number
  readonly random?: () => number
  readonly probe?: (world: {
    admin: KratosAdmin
    whoami: ReturnType<typeof createSimulatedKratos>['whoami']
  }) => Probe
}

/** Ids as Kratos makes them, the same for the same credential. */
export const sessionIdOf = (value: string): string =>
  `${hash('sha256', value).slice(0, 8)}-c1d8-401c-978a-8da89133f78b`

function createSimulatedKratos() {
  const state = {
    health: 'well' as KratosHealth,
    /** Values of credentials whose sessions live. */
    loggedIn: new Set<string>(),
    asked: [] as string[],
    adminAsked: [] as string[],
    /** Looks at each question. */
    seen: (_question: WhoamiRequest): unknown => undefined,
    /** What a credential gets instead of what it should. */
    answers: new Map<string, HttpResponse | HttpFailure>(),
  }
  const held: (() => void)[] = []
  const answerNow = (value: string): HttpResponse | HttpFailure => {
    if (state.health === 'down') return CONNECTION_FAILED
    if (state.health === 'error') return answered(500)
    const instead = state.answers.get(value)
    if (instead !== undefined) return instead
    if (state.health === 'sick' || !state.loggedIn.has(value)) return UNAUTHORIZED
    return liveSession([], { id: sessionIdOf(value) })
  }
  const whoami = async (question: WhoamiRequest): Promise<HttpResponse | HttpFailure> => {
    const { credential } = question
    state.seen(question)
    state.asked.push(credential.value)
    if (state.health !== 'slow') return answerNow(credential.value)
    // Its database was read when the question came.
    const answer = answerNow(credential.value)
    await new Promise<void>(resolve => held.push(resolve))
    return (state.health as KratosHealth) === 'well' ? answer : answerNow(credential.value)
  }
  const admin: KratosAdmin = {
    preload: async () => {},
    async getSession(id) {
      state.adminAsked.push(id)
      if (state.health === 'down') return CONNECTION_FAILED
      if (state.health !== 'well') return { kind: 'refused', status: 500 }
      const living = [...state.loggedIn].some(value => sessionIdOf(value) === id)
      if (!living) return { kind: 'refused', status: 404 }
      const identity = { id: IDENTITY_ID, state: 'active' }
      return { kind: 'found', body: { id, active: true, identity } as never }
    },
  }
  /** Everything that was held is answered: as it was when it was asked where Kratos is well by now, else as sick as it is. */
  const letGo = (health: KratosHealth = 'well') => {
    state.health = health
    for (const go of held.splice(0)) go()
  }
  return { state, whoami, admin, letGo, held }
}

export function createSessionHarness(options: SessionHarnessOptions = {}) {
  const clock = fakeClock()
  const kratos = createSimulatedKratos()
  const news: SessionEvent[] = []
  const probe = options.probe?.(kratos)
  const sessions = createSessionVerifier({
    clock,
    whoami: kratos.whoami,
    maxAge: millis(options.maxAge ?? 60_000),
    maxEntries: options.maxEntries ?? 1_000,
    staleIfError: millis(options.staleIfError ?? 0),
    holdoff: millis(5_000),
    secret: Buffer.from('secret of a test'),
    random: options.random ?? (() => 0),
    refreshAhead: options.refreshAhead ?? 0,
    ...(options.negativeCache === undefined
      ? {}
      : {
          negativeCache: { ttl: millis(options.negativeCache.ttl), entries: options.negativeCache.entries },
        }),
    ...(options.upstreamOptions === undefined ? {} : { upstreamOptions: options.upstreamOptions }),
    probeFor: () => probe,
    onEvent: one => news.push(one),
  })
  const verify = (
    value: string,
    over: { fresh?: boolean; kind?: 'cookie' | 'token'; address?: string; endpoint?: SessionEndpoint } = {},
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
export const verdictLabel = (verdict: Verdict): string =>
  'cache' in verdict ? `${verdict.kind} ${verdict.cache}` : verdict.kind

export const numbered = (count: number, name = 'user'): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`)
