/** What is said of the world outside: counted each time, told once. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { loadConfig } from '../../src/app/config.ts'
import { createEmptySubjectReporter, createServices } from '../../src/app/services.ts'
import type { Send } from '../../src/clients/http/message.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

test('counts each response without a subject, and warns once for each endpoint', () => {
  const counted: string[] = []
  const told: string[] = []
  const subjectless = createEmptySubjectReporter({
    onEvent: ({ kind }) => counted.push(kind),
    warn: (source, problem) => told.push(`${source} ${problem}`),
  })
  for (const endpoint of ['http://a/me', 'http://a/me', 'http://b/me', 'http://a/me']) subjectless(endpoint)
  assert.deepEqual(counted, Array(4).fill('response_without_subject'))
  assert.deepEqual(
    told.map(line => line.split(' ')[0]),
    ['http://a/me', 'http://b/me'],
  )
  assert.match(told[0] ?? '', /require_subject: true/)
})

test('reports events of handlers to metrics and log', async () => {
  const { bestEffort: config } = loadConfig({ files: [], env: {}, flags: new Map() }, HANDLERS)
  const send: Send = async () => ({ kind: 'failed', cause: 'connect', message: 'nobody there' })
  const heard: string[] = []
  const { services } = createServices({
    config,
    send,
    fetch: send,
    clock: fakeClock(),
    onKeyProblem: () => {},
    sessionsReport: { onEvent: ({ kind }) => heard.push(kind), warn: source => heard.push(source) },
  })
  services.reportEmptySubject('http://a/me')
  assert.deepEqual(heard.splice(0), ['response_without_subject', 'http://a/me'])
  for (let i = 0; i < 21; i++) {
    const caller = { address: '203.0.113.1' }
    const request = { method: 'GET', url: 'http://keto/', headers: [], timeout: millis(1), target: 'keto' }
    await services.send({ ...request, caller })
  }
  assert.deepEqual(heard, ['outgoing_shed'], 'the circuit breaker of an unreachable service')
})
