/** S2-8: the session cache is bounded in bytes, because one user can have large traits and many sessions. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { loadConfig } from '../../../src/app/config.ts'
import { createServices } from '../../../src/app/services.ts'
import { HANDLERS } from '../../../src/handlers/registry.ts'
import type { Instant } from '../../../src/lib/time.ts'
import { fakeClock } from '../../support/clock.ts'
import { IDENTITY_ID, liveSession } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'
import {
  createSessionHarness,
  KRATOS,
  numbered,
  sessionIdOf,
  verdictLabel,
} from '../../support/session_harness.ts'

const MAX_BYTES = 4_000_000
const largeSession = (value: string, traits: object) =>
  liveSession([], {
    id: sessionIdOf(value),
    identity: { id: IDENTITY_ID, state: 'active', traits } as never,
  })

for (const [what, traits] of [
  ['long texts', { about: 'x'.repeat(100_000) }],
  // 10 KB as text, some 200 KB in memory.
  ['many small values', { list: Array(3_500).fill([]) }],
] as const) {
  test(`S2-8: sessions with ${what} are evicted before they fill the memory, and counted (C20)`, async () => {
    const { sessions, state, verify, events } = createSessionHarness({ maxBytes: MAX_BYTES })
    const all = numbered(100)
    for (const value of all) {
      state.overrides.set(value, largeSession(value, traits))
      await verify(value)
      assert.ok(sessions.bytes <= MAX_BYTES, `${sessions.bytes} bytes`)
    }
    assert.ok(sessions.bytes > MAX_BYTES / 2, 'the bound is used')
    assert.ok(sessions.size < 30)
    assert.equal(events.filter(({ kind }) => kind === 'eviction').length, all.length - sessions.size)
    assert.equal(verdictLabel(await verify('user99')), 'verified hit')
    assert.equal(verdictLabel(await verify('user0')), 'verified miss')
    sessions.revoke({ kind: 'everything' })
    assert.deepEqual([sessions.size, sessions.bytes], [0, 0])
  })
}

test('S2-8: a session that alone exceeds the bound is verified by Kratos each time', async () => {
  const { sessions, state, verify } = createSessionHarness({ maxBytes: 100_000 })
  state.overrides.set('x', largeSession('x', { about: 'x'.repeat(100_000) }))
  for (let i = 0; i < 2; i++) assert.equal(verdictLabel(await verify('x')), 'verified miss')
  assert.equal(sessions.size, 0)
})

test('S2-8: sessions.cache.max_bytes bounds the cache of a process', async () => {
  const files = [{ source: 'config.yaml', text: `sessions: {cache: {max_bytes: ${MAX_BYTES}}}` }]
  const { config, issues } = loadConfig({ files, env: {}, flags: new Map() }, HANDLERS)
  assert.ok(config !== undefined, JSON.stringify(issues))
  const send = async () => ({
    ...liveSession([], { identity: { id: IDENTITY_ID, traits: { about: 'x'.repeat(100_000) } } as never }),
  })
  const clock = fakeClock()
  const { sessions } = createServices({ config, send, fetch: send, clock, onKeyProblem: () => {} })
  const request = requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant })
  for (const value of numbered(50)) await sessions.verify(KRATOS, { kind: 'token', name: '', value }, request)
  assert.ok(sessions.size > 10 && sessions.size < 25, `${sessions.size} sessions`)
})
