/** Parts are closed in reverse order, even if closing one of them fails. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createShutdown } from '../../src/app/shutdown.ts'

test('parts are closed one after another, the one that was opened last first', async () => {
  const shutdown = createShutdown()
  const closed: string[] = []
  shutdown.onClose(() => closed.push('log'))
  shutdown.onClose(async () => {
    await new Promise(resolve => setImmediate(resolve))
    closed.push('listener')
  })
  await shutdown.run()
  assert.deepEqual(closed, ['listener', 'log'])
})

test('a part that cannot be closed does not keep the others open, and its error is not lost', async () => {
  const shutdown = createShutdown()
  const closed: string[] = []
  shutdown.onClose(() => closed.push('log'))
  shutdown.onClose(() => Promise.reject(new Error('metrics')))
  shutdown.onClose(() => {
    throw new Error('listener')
  })
  await assert.rejects(shutdown.run(), /^Error: listener$/)
  assert.deepEqual(closed, ['log'])
})

test('a second run closes nothing twice', async () => {
  const shutdown = createShutdown()
  let closed = 0
  shutdown.onClose(() => closed++)
  await shutdown.run()
  await shutdown.run()
  assert.equal(closed, 1)
})
