import assert from 'node:assert/strict'
import test from 'node:test'
import { misconfigured, unauthorized } from '../../../src/access/denial.ts'
import type { DenialResponse } from '../../../src/access/pipeline.ts'
import type { BuiltResponder } from '../../../src/handlers/builder.ts'
import { lintResponders, selectResponders } from '../../../src/handlers/responses/select_responder.ts'
import { requestWith } from '../../support/request.ts'

const responder = (
  id: string,
  fits: boolean,
  broken = false,
  parts: Partial<BuiltResponder> = {},
): BuiltResponder => ({
  id,
  when: () => fits,
  respond: () => ({ status: 401, headers: [], body: id }),
  misconfiguration: broken ? misconfigured('error handler', 'it is switched off') : undefined,
  invalidatesRule: false,
  conditionKey: id,
  diagnostics: [],
  ...parts,
})
function respond(own: BuiltResponder[], fallback: BuiltResponder[]): DenialResponse {
  const [only] = selectResponders(own, fallback)
  assert.ok(only)
  return only.respond(unauthorized('no_credential'), requestWith())
}
const matching = responder('a', true)
const notMatching = responder('never', false)

test('the rule’s own handler that fits answers, before any fallback', () => {
  assert.equal(respond([notMatching, matching], [responder('f', true)]).body, 'a')
})
test('the first fitting fallback answers where none of the rule’s own fits', () => {
  assert.equal(respond([notMatching], [notMatching, responder('f', true), matching]).body, 'f')
})
for (const [what, own, fallback] of [
  ['two of the rule’s own fit', [matching, responder('b', true)], []],
  ['none fits', [notMatching], [notMatching]],
  ['the fitting one is broken', [responder('x', true, true)], [matching]],
  ['the fitting fallback is broken', [], [responder('x', true, true), matching]],
  ['a fallback is broken that would not fit', [], [responder('x', false, true), matching]],
  [
    'one of the rule’s own spoils all',
    [matching, responder('x', false, true, { invalidatesRule: true })],
    [matching],
  ],
] as const) {
  test(`when ${what}, the answer is a 500 that says why (Q-36)`, () => {
    const { status, body } = respond([...own], [...fallback])
    assert.equal(status, 500)
    assert.notEqual(JSON.parse(body).error.reason ?? '', '')
  })
}
test('of a broken handler Oathkeeper’s message is shown, and what is wrong with it', () => {
  const { message, reason } = JSON.parse(respond([responder('x', true, true)], []).body).error
  assert.equal(message, 'error handler matching this route is misconfigured or disabled')
  assert.equal(reason, 'it is switched off')
})
test('a broken handler that does not fit hurts nobody, as does a broken fallback whose turn does not come', () => {
  assert.equal(respond([responder('x', false, true)], [matching]).body, 'a')
  assert.equal(respond([], [matching, responder('x', true, true)]).body, 'a')
})

test('handlers of one rule that must fit together are named at load (Q-36)', () => {
  const places = (...conditions: string[]) =>
    lintResponders(conditions.map(condition => responder('x', true, false, { conditionKey: condition }))).map(
      ({ path }) => path.join('.'),
    )
  assert.deepEqual(places('a', 'b'), [])
  assert.deepEqual(places(''), [])
  assert.deepEqual(places('a', ''), ['errors.1'])
  assert.deepEqual(places('', 'a'), ['errors.0'])
  assert.deepEqual(places('a', 'b', 'a'), ['errors.2'])
})
