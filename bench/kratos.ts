/** bench/kratos — a small Kratos that counts: whoami by cookie, slow or hanging where asked; and an introspection endpoint. Loopback only. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { IDENTITY } from './checks.ts'

export interface FakeKratos {
  readonly whoami: string
  readonly introspection: string
  readonly calls: () => number
  /** Milliseconds until an answer; `Infinity` for never. */
  delay: number
  close(): void
}

/** Cookies that begin so are of nobody. */
export const INVENTED = 'INVENTED'

const session = () => ({
  id: '7458af86-c1d8-401c-978a-8da89133f78b',
  active: true,
  expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  authenticated_at: new Date().toISOString(),
  authenticator_assurance_level: 'aal1',
  authentication_methods: [{ method: 'password', aal: 'aal1' }],
  identity: { id: IDENTITY, state: 'active', traits: { email: 'hi@example.com' }, schema_id: 'users' },
})

const UNKNOWN = { error: { code: 401, status: 'Unauthorized', message: 'No valid session' } }

export async function startKratos(): Promise<FakeKratos> {
  let calls = 0
  const server: Server = createServer((message, response) => {
    calls++
    const introspects = message.url === '/introspect'
    const known = introspects || message.headers.cookie?.includes(INVENTED) !== true
    const body = introspects ? { active: true, sub: IDENTITY, scope: 'a b' } : known ? session() : UNKNOWN
    const answer = () =>
      response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (kratos.delay === 0) answer()
    else if (kratos.delay !== Number.POSITIVE_INFINITY) setTimeout(answer, kratos.delay)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kratos: FakeKratos = {
    whoami: `${origin}/sessions/whoami`,
    introspection: `${origin}/introspect`,
    calls: () => calls,
    delay: 0,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return kratos
}
