/** S2-3: invented credentials do not starve the calls of other clients to the same service. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity, Session } from '../../../src/access/session.ts'
import type { OutgoingRequest } from '../../../src/clients/http/message.ts'
import { bearerToken } from '../../../src/handlers/authenticators/bearer_token.ts'
import { oauth2ClientCredentials } from '../../../src/handlers/authenticators/oauth2_client_credentials.ts'
import { oauth2Introspection } from '../../../src/handlers/authenticators/oauth2_introspection.ts'
import { ketoEngineAcpOry } from '../../../src/handlers/authorizers/keto_engine_acp_ory.ts'
import { remote } from '../../../src/handlers/authorizers/remote.ts'
import { remoteJson } from '../../../src/handlers/authorizers/remote_json.ts'
import { hydrator } from '../../../src/handlers/mutators/hydrator.ts'
import { createNamedCaches } from '../../../src/lib/named_caches.ts'
import { type Instant, millis, plusMillis } from '../../../src/lib/time.ts'
import { sessionOf } from '../../handlers/build.ts'
import { buildHandler, type HandlerHarness } from '../../support/handler_harness.ts'
import { createOAuthHarness, jsonReply } from '../../support/oauth_harness.ts'
import { requestWith } from '../../support/request.ts'

const STEP_MS = 10
const RESPONSE_MS = 50
const DEADLINE_MS = 500
const CONNECTIONS = 32

interface Arrival {
  readonly endsAt?: number
  readonly respond: () => void
}

/** A service that answers after 50 ms and works on as many requests as it has connections, first come, first served. */
function createSlowService(now: () => number) {
  const waiting: Arrival[] = []
  let active: Arrival[] = []
  const start = () => {
    while (active.length < CONNECTIONS && waiting.length > 0)
      active.push({ ...(waiting.shift() as Arrival), endsAt: now() + RESPONSE_MS })
  }
  return {
    arrive(): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ respond: resolve })
      start()
      return promise
    },
    step() {
      const due = active.filter(({ endsAt = 0 }) => endsAt <= now())
      active = active.filter(({ endsAt = 0 }) => endsAt > now())
      for (const { respond } of due) respond()
      start()
    },
  }
}

type Outcome = Identity | Session | Denial
/** Runs the handler for a client whose credential holds `name`. */
type Ask = (name: string, parts: { readonly remoteAddress: string; readonly deadline: Instant }) => unknown

interface Kind {
  readonly what: string
  /** What the service answers to an invented credential. */
  readonly rejection: object
  readonly status: number
  readonly outcome: string
  readonly build: (harness: HandlerHarness) => Ask
}

function authenticatorKind(
  what: string,
  handler: { readonly id: string },
  config: object,
  [rejection, status]: readonly [object, number],
  header = (name: string) => `Bearer ${name}`,
): Kind {
  const cached = { ...config, cache: { enabled: true } }
  const build = (harness: HandlerHarness): Ask => {
    const authenticate = buildHandler(handler as typeof bearerToken, cached, harness)
    return (name, parts) => authenticate(requestWith([['Authorization', header(name)]], parts))
  }
  return { what, rejection, status, outcome: '401 credential_rejected', build }
}

/** Strangers reach these handlers by rules with `noop` or `anonymous`; the service may check their credentials. */
function sessionKind(what: string, handler: { readonly id: string }, config: object, outcome: string): Kind {
  const build = (harness: HandlerHarness): Ask => {
    const run = buildHandler(handler as typeof remote, config, harness)
    return (name, parts) =>
      run(sessionOf(name, undefined, requestWith([['Authorization', `Bearer ${name}`]], parts)))
  }
  return { what, rejection: {}, status: 403, outcome, build }
}

const URL_OF_SERVICE = 'http://id/ask'
const KETO = { base_url: 'http://id', required_action: 'read', required_resource: 'a' }
const KINDS: readonly Kind[] = [
  authenticatorKind('introspection', oauth2Introspection, { introspection_url: URL_OF_SERVICE }, [
    { active: false },
    200,
  ]),
  authenticatorKind(
    'client credentials',
    oauth2ClientCredentials,
    { token_url: URL_OF_SERVICE },
    [{ error: 'invalid_client' }, 401],
    name => `Basic ${Buffer.from(`${name}:x`).toString('base64')}`,
  ),
  authenticatorKind(
    'session endpoint',
    bearerToken,
    { check_session_url: URL_OF_SERVICE, preserve_path: true },
    [{}, 401],
  ),
  sessionKind('remote', remote, { remote: URL_OF_SERVICE }, '403 forbidden'),
  sessionKind('remote_json', remoteJson, { remote: URL_OF_SERVICE, payload: '{}' }, '403 forbidden'),
  sessionKind('Keto', ketoEngineAcpOry, KETO, '403 forbidden'),
  sessionKind('hydrator', hydrator, { api: { url: URL_OF_SERVICE } }, '500 bad_answer'),
]

for (const { what, rejection, status, outcome, build } of KINDS) {
  test(`S2-3 (G6, G9): a flood of random credentials does not starve others (${what})`, async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const respond = async (request: OutgoingRequest) => {
      await service.arrive()
      const good = /good-\d+/.exec(sentText(request))?.[0]
      return good === undefined
        ? jsonReply(rejection, status)
        : jsonReply({ active: true, allowed: true, sub: good, subject: good, access_token: 'x' })
    }
    const harness = createOAuthHarness({ '/ask': respond, '/engines/acp/ory/regex/allowed': respond })
    const { clock } = harness
    const service = createSlowService(clock.now)
    const getCache = createNamedCaches({ clock, maxEntries: 10_000, maxBytes: 1e7 })
    const run = build({ ...harness, services: { ...harness.services, getCache } })
    const ask = async (name: string, remoteAddress: string) => {
      const deadline = plusMillis(clock.now(), millis(DEADLINE_MS))
      return summarize((await run(name, { remoteAddress, deadline })) as Outcome)
    }
    let flooding = 0
    let invented = 0
    const floodOutcomes = new Set<string>()
    const flood = () => {
      flooding++
      void ask(`invented-${invented++}`, '198.51.100.1').then(summary => {
        flooding--
        floodOutcomes.add(summary)
      })
    }
    /** One for each good credential. A pending one is a failure, not a test that hangs. */
    const good: string[] = []
    const askGood = async (index: number) => {
      good[index] = 'pending'
      good[index] = await ask(`good-${index}`, `203.0.113.${index}`)
    }
    for (let step = 0; step < 300; step++) {
      while (flooding < 900 && invented < 20_000) flood()
      if (step >= 20 && step % 5 === 0 && good.length < 40) void askGood(good.length)
      clock.advance(STEP_MS)
      t.mock.timers.tick(STEP_MS)
      service.step()
      await new Promise(setImmediate)
    }
    assert.deepEqual(
      good,
      Array.from({ length: 40 }, () => 'let in'),
    )
    assert.deepEqual([...floodOutcomes].sort(), [outcome, '503 unavailable'])
  })
}

const summarize = (outcome: Outcome): string =>
  'status' in outcome ? `${outcome.status} ${outcome.code}` : 'let in'

/** What reaches the service: header values, with HTTP Basic decoded, and the body. */
function sentText({ headers, body }: OutgoingRequest): string {
  const values = headers.map(([, value]) =>
    value.startsWith('Basic ') ? Buffer.from(value.slice(6), 'base64').toString() : value,
  )
  return [...values, String(body)].join('\n')
}

test('S2-3: limited calls are 503, whichever handler makes them', async () => {
  const busy = { kind: 'failed', cause: 'busy', message: 'too many pending calls' } as const
  const harness = createOAuthHarness({ '/ask': busy })
  const session = sessionOf('alice')
  const outcomes = [
    await buildHandler(
      oauth2Introspection,
      { introspection_url: 'http://id/ask' },
      harness,
    )(requestWith([['Authorization', 'Bearer x']])),
    await buildHandler(remote, { remote: 'http://id/ask' }, harness)(session),
    await buildHandler(
      hydrator,
      { api: { url: 'http://id/ask' } },
      {
        ...harness,
        services: { ...harness.services, getCache: () => ({}) as never },
      },
    )(session),
  ]
  assert.deepEqual(
    outcomes.map(outcome => summarize(outcome as Denial)),
    ['503 unavailable', '503 unavailable', '503 unavailable'],
  )
})
