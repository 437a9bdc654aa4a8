import assert from 'node:assert/strict'
import test from 'node:test'
import { misconfigured, unauthorized } from '../../../src/access/denial.ts'
import type { DenialResponse } from '../../../src/access/pipeline.ts'
import type { BuiltResponder } from '../../../src/handlers/builder.ts'
import { lintResponders, selectResponders } from '../../../src/handlers/responses/select_responder.ts'
import { testPages } from '../../support/handler_harness.ts'
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
  misconfiguration: broken ? misconfigured('error handler', 'it is disabled') : undefined,
  invalidatesRule: false,
  conditionKey: id,
  diagnostics: [],
  ...parts,
})
function respond(
  own: BuiltResponder[],
  fallback: BuiltResponder[],
  pages: { readonly enabled: boolean } = { enabled: false },
  request = requestWith(),
): DenialResponse {
  const [only] = selectResponders(own, fallback, testPages(pages))
  assert.ok(only)
  return only.respond(unauthorized('no_credential'), request)
}
const matching = responder('a', true)
const notMatching = responder('never', false)

test('a matching handler of the rule takes precedence over fallbacks', () => {
  assert.equal(respond([notMatching, matching], [responder('f', true)]).body, 'a')
})
test('uses the first matching fallback if no handler of the rule matches', () => {
  assert.equal(respond([notMatching], [notMatching, responder('f', true), matching]).body, 'f')
})
for (const [what, own, fallback] of [
  ['two handlers of the rule match', [matching, responder('b', true)], []],
  ['none fits', [notMatching], [notMatching]],
  ['the matching one is misconfigured', [responder('x', true, true)], [matching]],
  ['the matching fallback is misconfigured', [], [responder('x', true, true), matching]],
  ['a fallback that would not match is misconfigured', [], [responder('x', false, true), matching]],
  [
    'a handler of the rule invalidates the rule',
    [matching, responder('x', false, true, { invalidatesRule: true })],
    [matching],
  ],
] as const) {
  test(`when ${what}, the response is a 500 with the reason (Q-36)`, () => {
    const { status, body } = respond([...own], [...fallback])
    assert.equal(status, 500)
    assert.notEqual(JSON.parse(body).error.reason ?? '', '')
  })
}
test('shows Oathkeeper’s message for a misconfigured handler, and what is wrong', () => {
  const { message, reason } = JSON.parse(respond([responder('x', true, true)], []).body).error
  assert.equal(message, 'error handler matching this route is misconfigured or disabled')
  assert.equal(reason, 'it is disabled')
})
test('a misconfigured handler that does not match has no effect, nor has an unused fallback', () => {
  assert.equal(respond([responder('x', false, true)], [matching]).body, 'a')
  assert.equal(respond([], [matching, responder('x', true, true)]).body, 'a')
})

test('warns about handlers of one rule that always match together (Q-36)', () => {
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

const BROWSER = requestWith([['accept', 'text/html']])
const titleFor = (own: BuiltResponder[], fallback: BuiltResponder[]) => {
  const { status, body } = respond(own, fallback, { enabled: true }, BROWSER)
  return [status, body.match(/<h1>([^<]*)/)?.[1] ?? body]
}
const json = responder('json', true)

test('with pages, a browser gets one in place of the fallback `json`', () => {
  assert.deepEqual(titleFor([], [notMatching, json]), [401, 'You are not logged in here'])
  assert.deepEqual(titleFor([notMatching], [json]), [401, 'You are not logged in here'])
})
test('with pages, a handler of the rule and every other fallback still respond', () => {
  assert.deepEqual(titleFor([json], []), [401, 'json'])
  assert.deepEqual(titleFor([], [responder('redirect', true), json]), [401, 'redirect'])
})
test('with pages, no handler that matches means the page of the denial, and a misconfiguration that of a 500', () => {
  assert.deepEqual(titleFor([notMatching], [notMatching]), [401, 'You are not logged in here'])
  assert.deepEqual(titleFor([matching, responder('b', true)], []), [500, 'Something went wrong'])
  assert.deepEqual(titleFor([responder('json', true, true)], []), [500, 'Something went wrong'])
  assert.deepEqual(titleFor([], [responder('json', true, true)]), [500, 'Something went wrong'])
})
test('with pages, every other client gets the JSON', () => {
  assert.equal(respond([], [json], { enabled: true }).body, 'json')
})
