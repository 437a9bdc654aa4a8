/** The observer of logouts is a listener of its own: it sees allowed requests only, and can neither stop nor change a Check. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Decision } from '../../src/access/decision.ts'
import { loadConfig } from '../../src/app/config.ts'
import { observeLogouts } from '../../src/app/observe_logout.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import type { RevocationTarget } from '../../src/sessions/types.ts'
import type { SessionVerifier } from '../../src/sessions/verifier.ts'
import { fakeClock } from '../support/clock.ts'
import { requestWith } from '../support/request.ts'

const metadata = {
  rule: 'r',
  authenticator: 'a',
  refusedBy: '',
  code: 'ok',
  reason: '',
  errorHandler: '',
  revision: '',
  subject: '',
  annotations: {},
} as const
const allow: Decision = { kind: 'allow', headers: [], remove: [], responseHeaders: [], metadata }
const deny: Decision = { kind: 'deny', status: 403, headers: [], body: '', metadata }

const logout = requestWith([['cookie', 'ory_kratos_session=s1']], {
  authority: 'auth.example.com',
  path: '/self-service/logout',
})

function setup(yaml: string, findOwner: SessionVerifier['findOwner'] = () => undefined) {
  const files = [{ source: 'config.yaml', text: yaml }]
  const { config, ...rest } = loadConfig({ files, env: {}, flags: new Map() }, HANDLERS)
  assert.ok(config, JSON.stringify(rest))
  const revoked: RevocationTarget[] = []
  const errors: unknown[] = []
  const listener = observeLogouts({
    config,
    clock: fakeClock(),
    sessions: { findOwner } as SessionVerifier,
    revoke: (_source, target) => revoked.push(target),
    onSkipped: () => {},
    onError: (_where, error) => errors.push(error),
  })
  return { listener, revoked, errors }
}

const WITH_KRATOS = 'sessions: { kratos_public: { urls: [https://auth.example.com] } }'

test('without a public API of Kratos there is no listener', () => {
  assert.equal(setup('{}').listener, undefined)
})

test('an allowed logout revokes the credential of its request', async () => {
  const { listener, revoked, errors } = setup(WITH_KRATOS)
  listener?.(allow, logout, 0)
  await new Promise(setImmediate)
  assert.deepEqual(revoked, [{ kind: 'credential', value: 's1' }])
  assert.deepEqual(errors, [])
})

test('a denied logout revokes nothing, because Kratos does not get it', async () => {
  const { listener, revoked } = setup(WITH_KRATOS)
  listener?.(deny, logout, 0)
  listener?.(allow, undefined, 0)
  await new Promise(setImmediate)
  assert.deepEqual(revoked, [])
})

test('an exception is reported and does not reach the Check', () => {
  const unreadable = new Proxy(logout, {
    get() {
      throw new Error('boom')
    },
  })
  const { listener, errors } = setup(WITH_KRATOS)
  listener?.(allow, unreadable, 0)
  assert.deepEqual(errors.map(String), ['Error: boom'])
})
