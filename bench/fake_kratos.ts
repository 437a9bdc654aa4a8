/** A fake Kratos and introspection endpoint on loopback: it counts calls and can respond late or never. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { IDENTITY_ID } from './rules_and_checks.ts'

export interface FakeKratos {
  readonly whoami: string
  readonly introspection: string
  readonly callCount: () => number
  /** Whether no session is active any more. */
  ended: boolean
  /** Delay of each response in ms; with `Infinity` it never responds. */
  delayMs: number
  close(): void
}

/** Prefix of cookies without a session; whoami responds with 401. */
export const INVALID_COOKIE_PREFIX = 'INVENTED'

/** Id of the session of the cookie with that number. */
export const sessionId = (nth: number): string => `7458af86-c1d8-401c-978a-${String(nth).padStart(12, '0')}`

const sessionDocument = (cookie: string) => ({
  id: sessionId(Number(/ory_kratos_session=\w{8}(\d{8})/.exec(cookie)?.[1] ?? 0)),
  active: true,
  expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  authenticated_at: new Date().toISOString(),
  authenticator_assurance_level: 'aal1',
  authentication_methods: [{ method: 'password', aal: 'aal1' }],
  identity: { id: IDENTITY_ID, state: 'active', traits: { email: 'hi@example.com' }, schema_id: 'users' },
})

const NO_SESSION = { error: { code: 401, status: 'Unauthorized', message: 'No valid session' } }

export async function startFakeKratos(): Promise<FakeKratos> {
  let calls = 0
  const server: Server = createServer((message, response) => {
    calls++
    const isIntrospection = message.url === '/introspect'
    const { cookie = '' } = message.headers
    const valid = isIntrospection || !(kratos.ended || cookie.includes(INVALID_COOKIE_PREFIX))
    const body = isIntrospection
      ? { active: true, sub: IDENTITY_ID, scope: 'a b' }
      : valid
        ? sessionDocument(cookie)
        : NO_SESSION
    const respond = () =>
      response.writeHead(valid ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (kratos.delayMs === 0) respond()
    else if (kratos.delayMs !== Number.POSITIVE_INFINITY) setTimeout(respond, kratos.delayMs)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kratos: FakeKratos = {
    whoami: `${origin}/sessions/whoami`,
    introspection: `${origin}/introspect`,
    callCount: () => calls,
    ended: false,
    delayMs: 0,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return kratos
}
