import assert from 'node:assert/strict'
import test from 'node:test'
import { remoteJson } from '../../../src/handlers/authorizers/remote_json.ts'
import { ConfigFault } from '../../../src/handlers/handler.ts'
import { requestWith } from '../../support/request.ts'
import { build, worldWith } from '../../support/services.ts'
import { isDenial, sessionOf } from '../build.ts'

function ask(config: object, session = sessionOf('u1', { role: 'a"b' })) {
  const world = worldWith({ answer: { kind: 'answered', status: 200, headers: [], body: '' } })
  const run = build(remoteJson, { remote: 'http://policies/', ...config }, world)
  return { world, outcome: run(session) }
}

for (const [payload, body] of [
  ['{}', '{}'],
  ['["foo"]', '["foo"]'],
  ['{{ toJson .Extra }}', '{"role":"a\\"b"}'],
  ['null', 'null'],
] as const) {
  test(`the payload ${payload} is sent as ${body}`, async () => {
    const { world, outcome } = ask({ payload })
    await outcome
    assert.equal(world.sent[0]?.body, body)
    assert.deepEqual(world.sent[0]?.headers, [['content-type', 'application/json']])
  })
}

for (const payload of ['', '{', '{"a": "{{ .Extra.role }}"}', '{{ .Extra.no.more }}', '{{ .Foo }}']) {
  test(`the payload ${payload} is 500 and not sent`, async () => {
    const { world, outcome } = ask({ payload })
    const denial = await outcome
    isDenial(denial)
    assert.deepEqual([denial.status, world.sent.length], [500, 0])
  })
}

test('the authorization of the request goes along, configured headers replace it', async () => {
  const session = sessionOf(
    'u1',
    undefined,
    requestWith([
      ['Authorization', 'Bearer t'],
      ['Content-Type', 'x'],
    ]),
  )
  const plain = ask({ payload: '{}' }, session)
  await plain.outcome
  assert.deepEqual(plain.world.sent[0]?.headers, [
    ['content-type', 'application/json'],
    ['authorization', 'Bearer t'],
  ])
  const other = ask({ payload: '{}', headers: { authorization: 'Basic x' } }, session)
  await other.outcome
  assert.deepEqual(other.world.sent[0]?.headers[1], ['authorization', 'Basic x'])
})

test('a value that is printed into a JSON string without toJson is linted (Q-68)', () => {
  assert.equal(ask({ payload: '{"a": "{{ .Subject }}"}' }).world.warnings.length, 1)
  assert.equal(ask({ payload: '{"a": {{ print .Subject | toJson }}}' }).world.warnings.length, 0)
})

test('a payload that does not parse is a fault at its key, a missing one does not decode', () => {
  assert.throws(
    () => ask({ payload: '{{' }),
    (error: unknown) => error instanceof ConfigFault && error.path.join('.') === 'payload',
  )
  assert.throws(() => ask({}), { name: 'ZodError' })
})
