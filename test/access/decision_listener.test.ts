/** Listeners of decisions are called in order, and none of them can change the decision. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { denyWithoutRule, RULES_NOT_LOADED } from '../../src/access/decide.ts'
import { notifyListeners } from '../../src/access/decision_listener.ts'
import { requestWith } from '../support/request.ts'

const decision = denyWithoutRule(RULES_NOT_LOADED)

test('each listener gets the decision, its request and the time of arrival, in order', () => {
  const calls: unknown[] = []
  const request = requestWith()
  const listener =
    (name: string) =>
    (...args: unknown[]) =>
      calls.push([name, ...args])
  notifyListeners([listener('first'), listener('second')], decision, request, 7)
  assert.deepEqual(calls, [
    ['first', decision, request, 7],
    ['second', decision, request, 7],
  ])
})

test('an exception reaches the transport, which then denies', () => {
  const fail = () => {
    throw new Error('disk full')
  }
  assert.throws(() => notifyListeners([fail], decision, undefined, 0), /disk full/)
})
