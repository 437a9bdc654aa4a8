import assert from 'node:assert/strict'
import test from 'node:test'
import { remoteJson } from '../../../src/handlers/authorizers/remote_json.ts'
import { HandlerConfigError } from '../../../src/handlers/compile/config_error.ts'
import { buildHandler, createHandlerHarness } from '../../support/handler_harness.ts'
import { requestWith } from '../../support/request.ts'
import { assertDenial, sessionOf } from '../build.ts'

function authorize(config: object, session = sessionOf('u1', { role: 'a"b' })) {
  const harness = createHandlerHarness({ answer: { kind: 'answered', status: 200, headers: [], body: '' } })
  const run = buildHandler(remoteJson, { remote: 'http://policies/', ...config }, harness)
  return { harness, outcome: run(session) }
}

for (const [payload, body] of [
  ['{}', '{}'],
  ['["foo"]', '["foo"]'],
  ['{{ toJson .Extra }}', '{"role":"a\\"b"}'],
  ['null', 'null'],
] as const) {
  test(`the payload ${payload} is sent as ${body}`, async () => {
    const { harness, outcome } = authorize({ payload })
    await outcome
    assert.equal(harness.requests[0]?.body, body)
    assert.deepEqual(harness.requests[0]?.headers, [['content-type', 'application/json']])
  })
}

for (const payload of ['', '{', '{"a": "{{ .Extra.role }}"}', '{{ .Extra.no.more }}', '{{ .Foo }}']) {
  test(`the payload ${payload} is a 500 and is not sent`, async () => {
    const { harness, outcome } = authorize({ payload })
    const denial = await outcome
    assertDenial(denial)
    assert.deepEqual([denial.status, harness.requests.length], [500, 0])
  })
}

test('sends the authorization of the request unless a configured header replaces it', async () => {
  const session = sessionOf(
    'u1',
    undefined,
    requestWith([
      ['Authorization', 'Bearer t'],
      ['Content-Type', 'x'],
    ]),
  )
  const plain = authorize({ payload: '{}' }, session)
  await plain.outcome
  assert.deepEqual(plain.harness.requests[0]?.headers, [
    ['content-type', 'application/json'],
    ['authorization', 'Bearer t'],
  ])
  const other = authorize({ payload: '{}', headers: { authorization: 'Basic x' } }, session)
  await other.outcome
  assert.deepEqual(other.harness.requests[0]?.headers[1], ['authorization', 'Basic x'])
})

test('warns about a value in a JSON string without toJson (Q-68, H11)', () => {
  assert.equal(authorize({ payload: '{"a": "{{ .Subject }}"}' }).harness.warnings.length, 1)
  assert.equal(authorize({ payload: '{"a": {{ print .Subject | toJson }}}' }).harness.warnings.length, 0)
})

test('rejects an invalid payload at its key, and a missing one', () => {
  assert.throws(
    () => authorize({ payload: '{{' }),
    (error: unknown) => error instanceof HandlerConfigError && error.path.join('.') === 'payload',
  )
  assert.throws(() => authorize({}), { name: 'ZodError' })
})
