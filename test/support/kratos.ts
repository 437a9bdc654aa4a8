/** test/fakes/kratos — a whoami whose answers the test writes, and a session as Kratos describes it. */
import type { JsonObject } from '../../src/access/session.ts'
import type { Answered, Failed, HeaderPair } from '../../src/clients/http/message.ts'
import type { Whoami, WhoamiQuestion } from '../../src/clients/kratos.ts'

export const SESSION_ID = '7458af86-c1d8-401c-978a-8da89133f78b'
export const IDENTITY_ID = '90b31539-08ba-45b1-a5fc-5de840f19d7e'

/** Ends at 06:00 on the day on which the fake clock shows 05:00. */
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
): Answered => ({
  kind: 'answered',
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
export const alive = (headers: readonly HeaderPair[] = [], over?: JsonObject): Answered =>
  answered(200, sessionDocument(over), headers)

export const SECOND_FACTOR = answered(403, {
  error: { id: 'session_aal2_required', code: 403 },
  redirect_browser_to: 'https://auth.example.com/self-service/login/browser?aal=aal2',
})

type Prepared = readonly (Answered | Failed | Promise<Answered | Failed>)[]

export interface FakeKratos {
  readonly whoami: Whoami
  readonly asked: WhoamiQuestion[]
  /** What the next questions get; the last one stays. */
  answer(...answers: Prepared): void
}

export function fakeKratos(...first: Prepared): FakeKratos {
  const asked: WhoamiQuestion[] = []
  let left = first
  return {
    asked,
    answer(...answers) {
      left = answers
    },
    async whoami(question) {
      asked.push(question)
      const [next] = left
      if (left.length > 1) left = left.slice(1)
      if (next === undefined) throw new Error('no answer was prepared')
      return next
    },
  }
}
