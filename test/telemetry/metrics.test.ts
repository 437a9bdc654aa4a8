import assert from 'node:assert/strict'
import test from 'node:test'
import type { Decision } from '../../src/access/decision.ts'
import { createInstruments } from '../../src/telemetry/instruments.ts'
import { lazyCounter, METRICS } from '../../src/telemetry/metric_definitions.ts'
import { openMetrics, scrape } from '../support/metrics.ts'

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

test('Prometheus scrapes our metrics and those of Oathkeeper, with labels from closed sets (G10)', async () => {
  const metrics = await openMetrics(() => 1_700_000_000_500)
  const observed = {
    rules: () => 3,
    configProblems: () => ({ errors: 1, warnings: 2 }),
    checksInProgress: () => 4,
    eventLoopDelay: { max: 3e9, percentile: (p: number) => p * 1e7, reset: () => {} },
    ready: () => true,
    lastReload: () => ({ successful: false, succeededAtMs: 1_700_000_000_250 }),
    revocationStream: () => ({ connected: true, lag: 1_500, pending: 2 }),
    sources: () => ({ fresh: 2, stale: 1, missing: 0 }),
    sessions: () =>
      ({
        cached: 7,
        cachedBytes: 9_000,
        circuitBreaker: 'half_open',
        inFlight: 2,
        pending: 3,
        maxStaleness: 1_500,
      }) as const,
  }
  const instruments = createInstruments(
    metrics,
    { prefix: 'ory_oathkeeper_', hideRequestPaths: false },
    observed,
    () => 0,
  )
  instruments.recordCheck(allow, 2, 'GET')
  instruments.recordCheck(allow, 2, 'EVIL-METHOD')
  instruments.recordCheck(allow, 700, 'GET')
  instruments.recordReload('changed', 5)
  instruments.recordRevocation('api', 'session')
  instruments.recordSessionEvent({ kind: 'unexpected_rejection', verdict: 'unhealthy' })
  instruments.recordSessionEvent({ kind: 'shed', reason: 'rate_limited' })
  instruments.recordSessionEvent({ kind: 'outgoing_shed', target: 'keto', reason: 'overflow' })
  instruments.recordSessionEvent({ kind: 'refresh', outcome: 'renewed' })
  instruments.recordSessionEvent({ kind: 'eviction' })
  instruments.recordSessionEvent({ kind: 'response_without_subject' })
  instruments.recordSessionEvent({ kind: 'response_without_subject' })
  instruments.recordSessionEvent({ kind: 'revocation_rejected', reason: 'wrong_key' })
  instruments.recordSessionEvent({ kind: 'shared_cache', result: 'undecryptable' })
  instruments.recordSessionEvent({ kind: 'revocation_stream', event: 'gap' })
  instruments.recordSessionEvent({ kind: 'circuit_breaker', state: 'open', cause: 'unexpected_rejections' })
  await instruments.instrumentSend(async () => ({ kind: 'failed', cause: 'timeout', message: '' }))({
    method: 'GET',
    url: 'http://k/',
    headers: [],
    timeout: 1 as never,
    target: 'kratos.whoami',
  })
  const address = await metrics.listen()
  const text = await (await fetch(`http://${address}/metrics`)).text()
  const other = await fetch(`http://${address}/elsewhere`)
  await metrics.stop()
  assert.equal(other.status, 404)
  for (const line of [
    'credence_checks_total{rule="r1",decision="allow",code="ok"} 3',
    'credence_session_lookups_total{cache="hit"} 3',
    'credence_check_duration_seconds_bucket{decision="allow",le="0.001"} 0',
    'credence_check_duration_seconds_bucket{decision="allow",le="0.0025"} 2',
    'credence_check_duration_seconds_bucket{decision="allow",le="0.5"} 2',
    'credence_check_duration_seconds_bucket{decision="allow",le="1"} 3',
    'credence_check_duration_seconds_sum{decision="allow"} 0.704',
    'credence_outgoing_requests_total{target="kratos.whoami",outcome="timeout"} 1',
    'credence_revocations_total{source="api",kind="session"} 1',
    'credence_revocations_rejected_total{reason="wrong_key"} 1',
    'credence_sessions 7',
    'credence_session_cache_bytes 9000',
    'credence_session_evictions_total 1',
    'credence_responses_without_subject_total 2',
    'credence_session_staleness_seconds 1.5',
    'credence_unexpected_rejections_total{verdict="unhealthy"} 1',
    'credence_kratos_shed_total{reason="rate_limited"} 1',
    'credence_outgoing_shed_total{target="keto",reason="overflow"} 1',
    'credence_session_refreshes_total{outcome="renewed"} 1',
    'credence_circuit_breaker_transitions_total{state="open",cause="unexpected_rejections"} 1',
    'credence_circuit_breaker_state 1',
    'credence_kratos_requests_in_flight 2',
    'credence_kratos_requests_pending 3',
    'credence_shared_cache_lookups_total{result="undecryptable"} 1',
    'credence_revocation_stream_events_total{event="gap"} 1',
    'credence_revocation_stream_connected 1',
    'credence_revocation_stream_lag_seconds 1.5',
    'credence_revocation_stream_pending 2',
    'credence_rules 3',
    'credence_config_problems{severity="warning"} 2',
    'credence_ready 1',
    'credence_config_last_reload_successful 0',
    'credence_config_last_reload_success_timestamp_seconds 1700000000.25',
    'credence_checks_in_progress 4',
    'nodejs_eventloop_delay_p50_seconds 0.5',
    'nodejs_eventloop_delay_p99_seconds 0.99',
    'nodejs_eventloop_delay_max_seconds 3',
    'ory_oathkeeper_requests_total{service="oathkeeper-api",method="GET",request="/decisions",status_code="200"} 2',
    'ory_oathkeeper_requests_total{service="oathkeeper-api",method="OTHER",request="/decisions",status_code="200"} 1',
  ]) {
    assert.ok(text.includes(line), `${line}\n\n${text}`)
  }
  for (const name of Object.keys(METRICS)) assert.ok(text.includes(name), name)
})

test('every rule has its own series, whatever their number', async () => {
  const metrics = await openMetrics()
  const checks = lazyCounter(metrics.meter, 'credence_checks_total')
  for (let i = 0; i < 3_000; i++) checks(`r${i}`, () => ({ rule: `r${i}` }))
  const text = await scrape(metrics)
  assert.equal(text.match(/^credence_checks_total\{rule="r\d+"\} 1$/gm)?.length, 3_000)
})
