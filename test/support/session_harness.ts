/** A session verifier with a simulated Kratos that knows who is logged in and can fail in several ways. */
import { hash } from 'node:crypto'
import type { Credential, Verdict } from '../../src/access/verdict.ts'
import type { HttpFailure, HttpResponse } from '../../src/clients/http/message.ts'
import type { KratosAdmin, WhoamiRequest } from '../../src/clients/kratos.ts'
import { type Instant, millis } from '../../src/lib/time.ts'
import type { Probe } from '../../src/sessions/kratos/probe.ts'
import type { KratosUpstreamOptions } from '../../src/sessions/kratos/upstream_options.ts'
import type { SessionEndpoint } from '../../src/sessions/types.ts'
import { createSessionVerifier, type SessionEvent } from '../../src/sessions/verifier.ts'
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
/** The 401 of a real Kratos, which is the same for every reason. */
export const UNAUTHORIZED = answered(401, {
  error: {
    code: 401,
    status: 'Unauthorized',
    reason: 'No valid session credentials found in the request.',
    message: 'The request could not be authorized',
  },
})

/**
 * `unhealthy`: the database fails, so whoami returns 401 for everyone and the admin API 500. `slow`: responses wait for
 * `releaseCalls`. `error`: 500.
 */
export type KratosHealth = 'healthy' | 'unhealthy' | 'down' | 'error' | 'slow'

export interface SessionHarnessOptions {
  readonly maxAge?: number
  readonly staleIfError?: number
  readonly refreshAhead?: number
  readonly negativeCache?: { readonly ttl: number; readonly maxEntries: number }
  readonly upstreamOptions?: Partial<KratosUpstreamOptions>
  readonly maxEntries?: number
  readonly maxBytes?: number
  readonly random?: () => number
  readonly probe?: (kratos: {
    admin: KratosAdmin
    whoami: ReturnType<typeof createSimulatedKratos>['whoami']
  }) => Probe
}

/** A session id in the format of Kratos, always the same for a credential. */
export const sessionIdOf = (value: string): string =>
  `${hash('sha256', value).slice(0, 8)}-c1d8-401c-978a-8da89133f78b`

function createSimulatedKratos() {
  const state = {
    health: 'healthy' as KratosHealth,
    /** Values of credentials whose sessions are live. */
    loggedIn: new Set<string>(),
    /** Whose session a credential is. */
    identityOf: identityIdOf,
    /** Credentials of all whoami calls. */
    calls: [] as string[],
    /** Session ids of all calls of the admin API. */
    adminCalls: [] as string[],
    onCall: (_request: WhoamiRequest): unknown => undefined,
    /** Responses by credential that replace the simulated one. */
    overrides: new Map<string, HttpResponse | HttpFailure>(),
  }
  const heldCalls: (() => void)[] = []
  const currentResponse = (value: string): HttpResponse | HttpFailure => {
    if (state.health === 'down') return CONNECTION_FAILED
    if (state.health === 'error') return answered(500)
    const override = state.overrides.get(value)
    if (override !== undefined) return override
    if (state.health === 'unhealthy' || !state.loggedIn.has(value)) return UNAUTHORIZED
    const identity = { id: state.identityOf(value), state: 'active', traits: { email: 'hi@example.com' } }
    return liveSession([], { id: sessionIdOf(value), identity })
  }
  const whoami = async (request: WhoamiRequest): Promise<HttpResponse | HttpFailure> => {
    const { value } = request.credential
    state.onCall(request)
    state.calls.push(value)
    if (state.health !== 'slow') return currentResponse(value)
    // A healthy Kratos reads its database when the call arrives.
    const response = currentResponse(value)
    await new Promise<void>(resolve => heldCalls.push(resolve))
    return (state.health as KratosHealth) === 'healthy' ? response : currentResponse(value)
  }
  const admin: KratosAdmin = {
    preload: async () => {},
    async getSession(id) {
      state.adminCalls.push(id)
      if (state.health === 'down') return CONNECTION_FAILED
      if (state.health !== 'healthy') return { kind: 'refused', status: 500 }
      const live = [...state.loggedIn].some(value => sessionIdOf(value) === id)
      if (!live) return { kind: 'refused', status: 404 }
      const identity = { id: IDENTITY_ID, state: 'active' }
      return { kind: 'found', body: { id, active: true, identity } as never }
    },
  }
  /** Completes all held calls: with the response at their arrival if healthy, else by the new health. */
  const releaseCalls = (health: KratosHealth = 'healthy') => {
    state.health = health
    for (const release of heldCalls.splice(0)) release()
  }
  return { state, whoami, admin, releaseCalls, heldCalls }
}

/** Each user has an identity and, unless the test gives an address, a network of their own. */
export const identityIdOf = (value: string): string =>
  `${hash('sha256', value).slice(0, 8)}-3153-409c-9a5f-c5de840f19d7`
const addressOf = (value: string): string => {
  const [a, b] = Buffer.from(hash('sha256', value), 'hex')
  return `10.${a}.${b}.1`
}

export function createSessionHarness(options: SessionHarnessOptions = {}) {
  const clock = fakeClock()
  const kratos = createSimulatedKratos()
  const events: SessionEvent[] = []
  const probe = options.probe?.(kratos)
  const { negativeCache, upstreamOptions } = options
  const sessions = createSessionVerifier({
    clock,
    whoami: kratos.whoami,
    maxAge: millis(options.maxAge ?? 60_000),
    maxEntries: options.maxEntries ?? 1_000,
    ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
    staleIfError: millis(options.staleIfError ?? 0),
    holdoff: millis(5_000),
    secret: Buffer.from('secret of a test'),
    random: options.random ?? (() => 0),
    refreshAhead: options.refreshAhead ?? 0,
    ...(negativeCache === undefined
      ? {}
      : { negativeCache: { ttl: millis(negativeCache.ttl), maxEntries: negativeCache.maxEntries } }),
    ...(upstreamOptions === undefined ? {} : { upstreamOptions }),
    probeFor: () => probe,
    onEvent: event => events.push(event),
  })
  const verify = (
    value: string,
    over: {
      fresh?: boolean
      kind?: 'cookie' | 'token'
      address?: string
      deadline?: Instant
      endpoint?: SessionEndpoint
    } = {},
  ) => {
    const { fresh = false, kind = 'cookie', address = addressOf(value), endpoint = KRATOS } = over
    const { deadline = Number.POSITIVE_INFINITY as Instant } = over
    const credential: Credential = { kind, name: kind === 'cookie' ? 'ory_kratos_session' : '', value }
    const request = { ...requestWith([], { deadline }) }
    return sessions.verify(endpoint, credential, { ...request, remoteAddress: address }, { fresh })
  }
  /** Logs in all of them, verifies each once, and forgets the calls. */
  const logIn = async (...values: readonly string[]) => {
    for (const value of values) kratos.state.loggedIn.add(value)
    for (const value of values) await verify(value)
    kratos.state.calls.length = 0
  }
  return { clock, kratos, sessions, verify, logIn, events, ...kratos.state, state: kratos.state }
}

/** `verified hit`, `unavailable`, … */
export const verdictLabel = (verdict: Verdict): string =>
  'cache' in verdict ? `${verdict.kind} ${verdict.cache}` : verdict.kind

/** `user0`, `user1`, … */
export const numbered = (count: number, name = 'user'): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`)
