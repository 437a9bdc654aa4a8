/** S2-3: invented credentials do not starve the calls of other clients to the same service. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Identity } from '../../../src/access/session.ts'
import { oauth2ClientCredentials } from '../../../src/handlers/authenticators/oauth2_client_credentials.ts'
import { oauth2Introspection } from '../../../src/handlers/authenticators/oauth2_introspection.ts'
import { remote } from '../../../src/handlers/authorizers/remote.ts'
import { hydrator } from '../../../src/handlers/mutators/hydrator.ts'
import { millis, plusMillis } from '../../../src/lib/time.ts'
import { sessionOf } from '../../handlers/build.ts'
import { buildHandler } from '../../support/handler_harness.ts'
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

for (const [what, handler, config, path, credential, accepted, rejected] of [
  [
    'introspection',
    oauth2Introspection,
    { introspection_url: 'http://id/ask', cache: { enabled: true } },
    '/ask',
    (token: string) => `Bearer ${token}`,
    (body: string) => body.includes('good'),
    { active: false },
  ],
  [
    'client credentials',
    oauth2ClientCredentials,
    { token_url: 'http://id/ask', cache: { enabled: true } },
    '/ask',
    (token: string) => `Basic ${Buffer.from(`${token}:x`).toString('base64')}`,
    undefined,
    { error: 'invalid_client' },
  ],
] as const) {
  test(`S2-3 (G6, G9): a flood of random credentials does not starve others (${what})`, async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const harness = createOAuthHarness({
      [path]: async ({ body, headers }) => {
        await service.arrive()
        const sent = accepted === undefined ? basicUser(headers) : String(body)
        return sent.includes('good')
          ? jsonReply({ active: true, sub: 'alice', access_token: 'x' })
          : jsonReply(rejected, what === 'introspection' ? 200 : 401)
      },
    })
    const { clock } = harness
    const service = createSlowService(clock.now)
    const authenticate = buildHandler(handler as typeof oauth2Introspection, config, harness)
    const ask = async (token: string, remoteAddress: string) =>
      (await authenticate(
        requestWith([['Authorization', credential(token)]], {
          remoteAddress,
          deadline: plusMillis(clock.now(), millis(DEADLINE_MS)),
        }),
      )) as Identity | Denial
    let flooding = 0
    let invented = 0
    const floodOutcomes = new Set<string>()
    const flood = () => {
      flooding++
      void ask(`invented-${invented++}`, '198.51.100.1').then(outcome => {
        flooding--
        floodOutcomes.add(summarize(outcome))
      })
    }
    /** One for each good credential. A pending one is a failure, not a test that hangs. */
    const good: string[] = []
    const askGood = async (index: number) => {
      good[index] = 'pending'
      good[index] = summarize(await ask(`good-${index}`, `203.0.113.${index}`))
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
      Array.from({ length: 40 }, () => 'identity'),
    )
    assert.deepEqual([...floodOutcomes].sort(), ['401 credential_rejected', '503 unavailable'])
  })
}

const summarize = (outcome: Identity | Denial): string =>
  outcome.kind === 'denial' ? `${outcome.status} ${outcome.code}` : outcome.kind

const basicUser = (headers: readonly (readonly [string, string])[]): string => {
  const value = headers.find(([name]) => name === 'authorization')?.[1] ?? ''
  return Buffer.from(value.replace('Basic ', ''), 'base64').toString()
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
