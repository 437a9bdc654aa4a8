import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogBuffer } from '../../src/telemetry/log_buffer.ts'

function createCollector(size: number, wait = 60_000) {
  const sent: Buffer[] = []
  const chunks = createLogBuffer(size, wait, chunk => sent.push(chunk))
  return { chunks, sent, texts: () => sent.map(String) }
}

test('lines are passed on together and in order', () => {
  const { chunks, texts } = createCollector(100)
  chunks.write('one\n')
  chunks.write('two\n')
  assert.deepEqual(texts(), [])
  chunks.flush()
  chunks.flush()
  assert.deepEqual(texts(), ['one\ntwo\n'])
})

test('a chunk is passed on when the next line might not fit, and is not overwritten afterwards', () => {
  const { chunks, sent, texts } = createCollector(32)
  for (let i = 0; i < 9; i++) chunks.write(`line ${i}\n`)
  chunks.flush()
  assert.equal(texts().join(''), Array.from({ length: 9 }, (_, i) => `line ${i}\n`).join(''))
  assert.ok(sent.length > 1 && sent.every(chunk => chunk.length <= 32))
})

test('text of any script and length is complete', () => {
  const { chunks, texts } = createCollector(64)
  const lines = ['ä€😀\n', `${'x'.repeat(500)}\n`, `${'€'.repeat(21)}\n`, `${'😀'.repeat(200)}\n`, 'end\n']
  for (const line of lines) chunks.write(line)
  chunks.flush()
  assert.equal(texts().join(''), lines.join(''))
})

test('a single line is passed on after the interval', async () => {
  const { chunks, texts } = createCollector(100, 1)
  chunks.write('alone\n')
  await sleep(50)
  assert.deepEqual(texts(), ['alone\n'])
  chunks.write('again\n')
  await sleep(50)
  assert.deepEqual(texts(), ['alone\n', 'again\n'])
})
