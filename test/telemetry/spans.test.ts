/** Parents, attributes and status of spans. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { NodeSDK, tracing } from '@opentelemetry/sdk-node'
import type { Decision } from '../../src/access/decision.ts'
import { activeTraceId, traceChecks, traceSend, traceStages } from '../../src/telemetry/spans.ts'

const spans = new tracing.InMemorySpanExporter()
const sdk = new NodeSDK({
  spanProcessors: [new tracing.SimpleSpanProcessor(spans)],
  instrumentations: [],
  autoDetectResources: false,
})
before(() => sdk.start())
after(() => sdk.shutdown())
beforeEach(() => spans.reset())

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const metadata = {
  rule: 'r1',
  authenticator: 'a',
  refusedBy: '',
  code: 'ok',
  reason: '',
  errorHandler: '',
  revision: '',
  subject: '',
  annotations: { cache: 'hit' },
} as const
const allow: Decision = { kind: 'allow', headers: [], remove: [], responseHeaders: [], metadata }
const deny = (status: number): Decision => ({
  kind: 'deny',
  status,
  headers: [],
  body: '',
  metadata: { ...metadata, code: 'forbidden', refusedBy: 's' },
})
const tracer = () => trace.getTracer('test')
const withCheckSpan = (metadata: Record<string, string>, run: () => Decision | Promise<Decision>) =>
  traceChecks(tracer())({ get: name => metadata[name] }, run)

test('the span of a Check continues the trace of Envoy and has the decision as attributes', async () => {
  let seen = ''
  const decision = withCheckSpan({ traceparent: `00-${TRACE}-${PARENT}-01` }, () => {
    seen = activeTraceId()
    return allow
  })
  assert.equal(decision, allow, 'at once: nothing waited')
  const [span] = spans.getFinishedSpans()
  assert.equal(span?.kind, SpanKind.SERVER)
  assert.deepEqual(
    [span?.spanContext().traceId, span?.parentSpanContext?.spanId, seen],
    [TRACE, PARENT, TRACE],
  )
  assert.deepEqual(
    ['credence.rule.id', 'credence.decision', 'credence.cache.result', 'http.response.status_code'].map(
      key => span?.attributes[key],
    ),
    ['r1', 'allow', 'hit', 200],
  )
})

test('a denial is no error, a 5xx is one', async () => {
  await withCheckSpan({}, () => deny(403))
  await withCheckSpan({}, () => deny(503))
  const [refused, failed] = spans.getFinishedSpans()
  assert.equal(refused?.status.code, SpanStatusCode.UNSET)
  assert.equal(failed?.status.code, SpanStatusCode.ERROR)
})

for (const [what, traceparent] of Object.entries({
  nothing: '',
  'no hexadecimal': 'zz',
  'a trace of zeros': `00-${'0'.repeat(32)}-${PARENT}-01`,
  'a trace that is too long': `00-${TRACE}ff-${PARENT}-01`,
  'a version that is none': `ff-${TRACE}-${PARENT}-01`,
  'a megabyte': '0'.repeat(1024 * 1024),
})) {
  test(`${what} instead of a trace context starts a new trace (J10, G15)`, async () => {
    await withCheckSpan(
      { traceparent, tracestate: 'a=b,'.repeat(100_000), baggage: 'x=y,'.repeat(100_000) },
      () => allow,
    )
    const [span] = spans.getFinishedSpans()
    assert.match(span?.spanContext().traceId ?? '', /^[0-9a-f]{32}$/)
    assert.equal(span?.parentSpanContext, undefined)
  })
}

test('an outgoing call is a CLIENT span below its handler and carries its context', async () => {
  let sent: readonly (readonly [string, string])[] = []
  const send = traceSend(tracer(), async request => {
    sent = request.headers
    return { kind: 'failed', cause: 'timeout', message: '' }
  })
  const call = {
    method: 'GET',
    url: 'http://us:secret@kratos:4433/sessions/whoami?x=1',
    headers: [],
    timeout: 1,
    target: 'kratos.whoami',
  }
  const stage = traceStages(tracer())('authenticator', 'cookie_session', async () => {
    await send(call as never)
    return { kind: 'denial', code: 'unavailable' }
  })
  await withCheckSpan({ traceparent: `00-${TRACE}-${PARENT}-01` }, async () => {
    await stage()
    return deny(503)
  })
  const [client, handler, check] = spans.getFinishedSpans()
  assert.deepEqual(
    [client?.name, client?.kind, client?.parentSpanContext?.spanId],
    ['GET kratos.whoami', SpanKind.CLIENT, handler?.spanContext().spanId],
  )
  assert.equal(handler?.parentSpanContext?.spanId, check?.spanContext().spanId)
  assert.equal(handler?.attributes['credence.reason.code'], 'unavailable')
  assert.deepEqual(
    [client?.attributes['url.full'], client?.attributes['error.type']],
    ['http://kratos:4433/sessions/whoami', 'timeout'],
  )
  assert.deepEqual(sent, [['traceparent', `00-${TRACE}-${client?.spanContext().spanId}-01`]])
})

test('an exception ends the span and is rethrown', () => {
  assert.throws(() =>
    withCheckSpan({}, () => {
      throw new Error('boom secret')
    }),
  )
  const [span] = spans.getFinishedSpans()
  assert.equal(span?.status.code, SpanStatusCode.ERROR)
  assert.ok(!JSON.stringify([span?.status, span?.events, span?.attributes]).includes('secret'))
})

test('the span of a handler that throws ends, too', () => {
  const stage = traceStages(tracer())('mutator', 'header', () => {
    throw new Error('boom')
  })
  assert.throws(stage)
  assert.deepEqual(
    spans.getFinishedSpans().map(({ name, status }) => [name, status.code]),
    [['mutator header', SpanStatusCode.ERROR]],
  )
})
