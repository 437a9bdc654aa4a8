import assert from 'node:assert/strict'
import test from 'node:test'
import { createYielder } from '../../src/lib/yield_to_event_loop.ts'
import { fakeClock } from '../support/clock.ts'

test('yields after each time slice, and lets other work run in between', async () => {
  const clock = fakeClock()
  const yieldToEventLoop = createYielder(10, clock)
  clock.advance(9)
  assert.equal(yieldToEventLoop(), undefined)
  clock.advance(1)
  let ran = false
  setImmediate(() => {
    ran = true
  })
  const pause = yieldToEventLoop()
  assert.ok(pause !== undefined)
  await pause
  assert.ok(ran)
  assert.equal(yieldToEventLoop(), undefined)
})
