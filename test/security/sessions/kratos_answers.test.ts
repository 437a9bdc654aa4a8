/** F-4: answers of an older Kratos, and of stand-ins for Kratos, count as Oathkeeper counts them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { JsonObject } from '../../../src/access/session.ts'
import type { WallTime } from '../../../src/lib/time.ts'
import { createAdminProbe } from '../../../src/sessions/kratos/probe.ts'
import { readWhoamiResponse } from '../../../src/sessions/kratos/whoami_response.ts'
import { answered, IDENTITY_ID, sessionDocument } from '../../support/kratos.ts'

const read = (document: JsonObject) =>
  readWhoamiResponse(answered(200, document), 'ory_kratos_session', Date.UTC(2026, 10, 22, 5) as WallTime)

test('F-4 an identity without state is active, as Kratos before v0.8 answers', () => {
  const { kind } = read(sessionDocument({ identity: { id: IDENTITY_ID, traits: {} } }))
  assert.equal(kind, 'verified')
})

test('F-4 the admin API of such a Kratos finds the session live', async () => {
  const body = { id: 'x', active: true, identity: { id: IDENTITY_ID } }
  const probe = createAdminProbe({
    preload: async () => {},
    getSession: async () => ({ kind: 'found', body: body as never }),
  })
  assert.equal(await probe.run(undefined as never, { id: 'x' } as never), 'live')
})

test('F-4 ids that are no UUIDs are accepted', () => {
  const found = read(sessionDocument({ id: 'session-1', identity: { id: 'user-1', state: 'active' } }))
  assert.ok(found.kind === 'verified')
  assert.deepEqual([found.session.id, found.session.identityId], ['session-1', 'user-1'])
})

for (const [over, member] of [
  [{ active: 'SECRET' }, 'active'],
  [{ id: 7 }, 'id'],
  [{ id: 'SECRET with a space' }, 'id'],
  [{ identity: ['SECRET'] }, 'identity'],
  [{ identity: { id: '', state: 'active' } }, 'identity.id'],
  [{ identity: { id: '00000000-0000-0000-0000-000000000000', state: 'active' } }, 'identity.id'],
  [{ identity: { id: IDENTITY_ID, state: 'SECRET' } }, 'identity.state'],
  [{ expires_at: 'SECRET' }, 'expires_at'],
] as const) {
  test(`F-4 the reason names ${member} and not its value: ${JSON.stringify(over)}`, () => {
    const found = read(sessionDocument(over as JsonObject))
    assert.ok(found.kind === 'unavailable')
    assert.match(found.reason, new RegExp(`without a session: ${member} is`))
    assert.doesNotMatch(found.reason, /SECRET/)
  })
}
