/** A whoami function with prepared responses, and a session document of Kratos. */
import type { JsonObject } from '../../src/access/session.ts'
import type { HeaderPair, HttpFailure, HttpResponse } from '../../src/clients/http/message.ts'
import type { Whoami, WhoamiRequest } from '../../src/clients/kratos.ts'

export const SESSION_ID = '7458af86-c1d8-401c-978a-8da89133f78b'
export const IDENTITY_ID = '90b31539-08ba-45b1-a5fc-5de840f19d7e'

/** Expires an hour after the start of the fake clock. */
export const sessionDocument = (over: JsonObject = {}): JsonObject => ({
  id: SESSION_ID,
  active: true,
  expires_at: '2026-11-22T06:00:00.123456789Z',
  authenticated_at: '2026-11-22T04:00:00Z',
  authenticator_assurance_level: 'aal1',
  identity: { id: IDENTITY_ID, state: 'active', traits: { email: 'hi@example.com' } },
  ...over,
})

export const answered = (
  status: number,
  body: JsonObject | string = '',
  headers: readonly HeaderPair[] = [],
): HttpResponse => ({
  kind: 'answered',
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
export const liveSession = (headers: readonly HeaderPair[] = [], over?: JsonObject): HttpResponse =>
  answered(200, sessionDocument(over), headers)

export const SECOND_FACTOR_REQUIRED = answered(403, {
  error: { id: 'session_aal2_required', code: 403 },
  redirect_browser_to: 'https://auth.example.com/self-service/login/browser?aal=aal2',
})

type PreparedResponses = readonly (HttpResponse | HttpFailure | Promise<HttpResponse | HttpFailure>)[]

export interface FakeKratos {
  readonly whoami: Whoami
  readonly calls: WhoamiRequest[]
  /** Responses of the next calls. The last one repeats. */
  respondWith(...responses: PreparedResponses): void
}

export function fakeKratos(...first: PreparedResponses): FakeKratos {
  const calls: WhoamiRequest[] = []
  let remaining = first
  return {
    calls,
    respondWith(...responses) {
      remaining = responses
    },
    async whoami(request) {
      calls.push(request)
      const [next] = remaining
      if (remaining.length > 1) remaining = remaining.slice(1)
      if (next === undefined) throw new Error('no response was prepared')
      return next
    },
  }
}
