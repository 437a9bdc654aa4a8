/** S2-3: a credential that a service has just rejected is not sent to it again and again. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity } from '../../../src/access/session.ts'
import type { HttpResponse } from '../../../src/clients/http/message.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { oauth2ClientCredentials } from '../../../src/handlers/authenticators/oauth2_client_credentials.ts'
import { oauth2Introspection } from '../../../src/handlers/authenticators/oauth2_introspection.ts'
import { createNamedCaches } from '../../../src/lib/named_caches.ts'
import { buildHandler, type HandlerHarness } from '../../support/handler_harness.ts'
import { createOAuthHarness, jsonReply } from '../../support/oauth_harness.ts'
import { requestWith } from '../../support/request.ts'

const CACHE = { cache: { enabled: true, ttl: '10s' } }
const ACCEPTED = { active: true, sub: 'alice', access_token: 'x' }

interface Kind {
  readonly what: string
  readonly handler: typeof bearerToken
  readonly config: object
  readonly credential: (name: string) => string
  readonly rejection: Partial<HttpResponse>
}

const bearer = (name: string) => `Bearer ${name}`
const KINDS: readonly Kind[] = [
  {
    what: 'introspection',
    handler: oauth2Introspection as unknown as typeof bearerToken,
    config: { introspection_url: 'http://id/ask' },
    credential: bearer,
    rejection: jsonReply({ active: false }) as Partial<HttpResponse>,
  },
  {
    what: 'client credentials',
    handler: oauth2ClientCredentials as unknown as typeof bearerToken,
    config: { token_url: 'http://id/ask' },
    credential: name => `Basic ${Buffer.from(`${name}:x`).toString('base64')}`,
    rejection: { status: 401 },
  },
  {
    what: 'another session endpoint',
    handler: bearerToken,
    config: { check_session_url: 'http://id/ask', preserve_path: true },
    credential: bearer,
    rejection: { status: 401 },
  },
]

function setup({ handler, config, credential }: Kind, reply: () => Partial<HttpResponse>, cache: object) {
  const base = createOAuthHarness({ '/ask': reply })
  const { clock } = base
  const getCache = createNamedCaches({ clock, maxEntries: 100, maxBytes: 1e6 })
  const harness: HandlerHarness = { ...base, services: { ...base.services, getCache } }
  const authenticate = buildHandler(handler, { ...config, ...cache }, harness)
  const ask = async (name: string) => {
    const outcome = (await authenticate(requestWith([['Authorization', credential(name)]]))) as
      | Identity
      | Denial
    return outcome.kind === 'denial' ? outcome.status : outcome.kind
  }
  return { clock, ask, asked: () => base.calls().length }
}

for (const kind of KINDS) {
  test(`S2-3 (G9): a rejection is cached for a second (${kind.what})`, async () => {
    const { clock, ask, asked } = setup(kind, () => kind.rejection, CACHE)
    for (let i = 0; i < 5; i++) assert.equal(await ask('invented'), 401)
    assert.equal(asked(), 1)
    assert.equal(await ask('other'), 401)
    assert.equal(asked(), 2, 'of this credential only')
    clock.advance(1_000)
    assert.equal(await ask('invented'), 401)
    assert.equal(asked(), 3)
  })

  test(`S2-3: a credential that was accepted recently is asked about again (${kind.what})`, async () => {
    let reply: Partial<HttpResponse> = jsonReply(ACCEPTED) as Partial<HttpResponse>
    const { clock, ask, asked } = setup(kind, () => reply, CACHE)
    assert.equal(await ask('good'), 'identity')
    clock.advance(10_000)
    reply = kind.rejection
    assert.equal(await ask('good'), 401, 'a mistake of the service, for example')
    reply = jsonReply(ACCEPTED) as Partial<HttpResponse>
    assert.equal(await ask('good'), 'identity')
    assert.equal(asked(), 3)
  })

  test(`S2-3: a failure of the service is no rejection (${kind.what})`, async () => {
    let reply: Partial<HttpResponse> = { status: 500 }
    const { ask, asked } = setup(kind, () => reply, CACHE)
    assert.notEqual(await ask('good'), 'identity')
    reply = jsonReply(ACCEPTED) as Partial<HttpResponse>
    assert.equal(await ask('good'), 'identity')
    assert.equal(asked(), 2)
  })

  test(`S2-3: a rule without a cache asks each time (${kind.what})`, async () => {
    const { ask, asked } = setup(kind, () => kind.rejection, {})
    for (let i = 0; i < 3; i++) assert.equal(await ask('invented'), 401)
    assert.equal(asked(), 3)
  })
}
