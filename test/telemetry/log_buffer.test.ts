import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogBuffer } from '../../src/telemetry/log_buffer.ts'

function createCollector(size: number, wait = 60_000) {
  const sent: Buffer[] = []
  const lots = createLogBuffer(size, wait, lot => sent.push(lot))
  return { lots, sent, texts: () => sent.map(String) }
}

test('lines are passed on together and in order', () => {
  const { lots, texts } = createCollector(100)
  lots.write('one\n')
  lots.write('two\n')
  assert.deepEqual(texts(), [])
  lots.flush()
  lots.flush()
  assert.deepEqual(texts(), ['one\ntwo\n'])
})

test('a chunk is passed on when the next line might not fit, and is not overwritten afterwards', () => {
  const { lots, sent, texts } = createCollector(32)
  for (let i = 0; i < 9; i++) lots.write(`line ${i}\n`)
  lots.flush()
  assert.equal(texts().join(''), Array.from({ length: 9 }, (_, i) => `line ${i}\n`).join(''))
  assert.ok(sent.length > 1 && sent.every(lot => lot.length <= 32))
})

test('text of any script and length is complete', () => {
  const { lots, texts } = createCollector(64)
  const lines = ['ä€😀\n', `${'x'.repeat(500)}\n`, `${'€'.repeat(21)}\n`, `${'😀'.repeat(200)}\n`, 'end\n']
  for (const line of lines) lots.write(line)
  lots.flush()
  assert.equal(texts().join(''), lines.join(''))
})

test('a single line is passed on after the interval', async () => {
  const { lots, texts } = createCollector(100, 1)
  lots.write('alone\n')
  await sleep(50)
  assert.deepEqual(texts(), ['alone\n'])
  lots.write('again\n')
  await sleep(50)
  assert.deepEqual(texts(), ['alone\n', 'again\n'])
})
