/** Tests of envoy/hardened.yaml with two replicas: traces from the client to Kratos, health checks, and draining. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sendRequest } from '../../../demo/browser.ts'
import { startCredence } from '../../../demo/credence.ts'
import { choosePorts, freePort } from '../../../demo/ports.ts'
import { createProcessManager, type ProcessManager } from '../../../demo/processes.ts'
import { IDENTITY_ID, sessionDocument } from '../../support/kratos.ts'
import { waitUntil } from '../../support/wait_until.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'
import { type OtlpReceiver, startOtlpReceiver } from './support/otlp_receiver.ts'

const RULES = `
- id: app
  match: { url: "http://127.0.0.1/app<.*>", methods: [GET] }
  authenticators: [ { handler: cookie_session } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
- id: browser
  match: { url: "http://127.0.0.1/browser<.*>", methods: [GET] }
  authenticators: [ { handler: unauthorized } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
  errors: [ { handler: redirect, config: { to: "https://login.example.com/" } } ]
- id: outage
  match: { url: "http://127.0.0.1/outage<.*>", methods: [GET] }
  authenticators: [ { handler: cookie_session, config: { check_session_url: "http://127.0.0.1:1/" } } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
- id: open
  match: { url: "http://127.0.0.1/open<.*>", methods: [GET] }
  authenticators: [ { handler: noop } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
`
/** Envoy exports spans every five seconds by default. */
const FAST_SPAN_EXPORT =
  'layered_runtime: { layers: [ { name: fast_spans, static_layer: { tracing.opentelemetry.flush_interval_ms: 50 } } ] }'
const ENV = { OTEL_BSP_SCHEDULE_DELAY: '50' }
/** Response time of Kratos in ms, long enough that Checks are in progress when a replica receives SIGTERM. */
const KRATOS_DELAY_MS = 60

let environment: EnvoyEnvironment
let collector: OtlpReceiver
let kratos: Server
let processes: ProcessManager
/** Headers of whoami calls, oldest first. */
const whoamiRequests: IncomingHttpHeaders[] = []
let secondPort = 0

before(async () => {
  collector = await startOtlpReceiver()
  secondPort = await freePort()
  environment = await startEnvoyEnvironment({
    rules: RULES,
    envoy: 'hardened',
    editCredence: text =>
      `${text}sessions: { cache: { ttl: 0s } }
tracing: { provider: otel, providers: { otlp: { server_url: "${collector.httpUrl}", insecure: true } } }
`,
    env: ENV,
    editEnvoy: yaml =>
      yaml
        .replace(/^static_resources:/m, `${FAST_SPAN_EXPORT}\n$&`)
        // On a machine that is busy with other tests a slow replica must not count as a failed one.
        .replace(/timeout: 0\.5s( +# everything)/, 'timeout: 10s$1')
        .replace('max_interval: 0.15s', 'max_interval: 5s')
        .replace('domains: [ app.example.com ]', 'domains: [ "*" ]')
        .replace('port_value: 4317', `port_value: ${collector.grpcPort}`)
        .replace('random_sampling: { value: 10 }', 'random_sampling: { value: 100 }')
        .replace(
          /^( *)interval: 5s\n *no_traffic_interval: 5s/m,
          '$1interval: 0.1s\n$1no_traffic_interval: 0.1s',
        )
        .replace(
          /(cluster_name: credence\n\s+endpoints:\n\s+- lb_endpoints:\n)(\s+)- endpoint.*\n/,
          (whole, _head: string, indent: string) =>
            `${whole}${indent}- endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${secondPort} } } }\n`,
        ),
  })
  kratos = createServer((request, response) => {
    whoamiRequests.push(request.headers)
    const body = JSON.stringify({ ...sessionDocument(), expires_at: '2099-01-01T00:00:00Z' })
    setTimeout(
      () => response.writeHead(200, { 'content-type': 'application/json' }).end(body),
      KRATOS_DELAY_MS,
    )
  }).listen(environment.ports.kratosPublic, '127.0.0.1')
  await once(kratos, 'listening')
  processes = await startSecondReplica()
})
after(async () => {
  await processes?.stop()
  await environment?.close()
  kratos?.closeAllConnections()
  kratos?.close()
  await collector?.close()
})

async function startSecondReplica(): Promise<ProcessManager> {
  const folder = join(environment.folder, 'second')
  mkdirSync(folder)
  const manager = createProcessManager(folder, { endOnSignal: true })
  const ports = await choosePorts(false)
  const yaml = readFileSync(join(environment.folder, 'credence.yaml'), 'utf8')
    .replace(`port: ${environment.ports.credence}`, `port: ${secondPort}`)
    .replace(`port: ${environment.ports.credenceApi}`, `port: ${ports.credenceApi}`)
    .replace(`port: ${environment.ports.prometheus}`, `port: ${ports.prometheus}`)
  await startCredence(yaml, { apiPort: ports.credenceApi, processes: manager, folder, env: ENV })
  return manager
}

const cookie = { cookie: 'ory_kratos_session=x' }

/** Envoy's health flags of a replica. */
async function healthFlags(port: number): Promise<string> {
  const { body } = await sendRequest(`http://127.0.0.1:${environment.ports.envoyAdmin}/clusters`, {
    method: 'GET',
    headers: {},
    body: '',
  })
  return new RegExp(`^credence::127\\.0\\.0\\.1:${port}::health_flags::(.*)$`, 'm').exec(body)?.[1] ?? ''
}

function waitForHealthFlags(port: number, expected: RegExp): Promise<void> {
  return waitUntil(`health flags of ${port} match ${expected}`, async () =>
    expected.test(await healthFlags(port)),
  )
}

describe('behind the hardened Envoy', () => {
  test('both replicas are healthy, and a session is allowed', async () => {
    await waitForHealthFlags(environment.ports.credence, /^healthy$/)
    await waitForHealthFlags(secondPort, /^healthy$/)
    const page = await environment.fetch('/app', { headers: cookie })
    assert.equal(page.status, 200, page.body)
    assert.equal(page.json<{ headers: Record<string, string> }>().headers['x-user-id'], IDENTITY_ID)
  })

  test('identity headers and Envoy’s own headers of the client are removed (D4, J10)', async () => {
    const forged = {
      'x-user-id': 'root',
      'x-user-name': 'root',
      'x-auth-role': 'admin',
      'x-envoy-auth-failure-mode-allowed': 'true',
      'x-original-url': '/admin',
    }
    const { headers } = (await environment.fetch('/open', { headers: forged })).json<{
      headers: Record<string, string>
    }>()
    for (const name of Object.keys(forged)) assert.equal(headers[name], undefined, name)
    assert.equal((await environment.fetch('/open', { headers: { x_user_id: 'root' } })).status, 400)
  })

  test('Envoy’s access log shows rule, reason code and subject of every kind of decision', async () => {
    const requests = [
      {
        path: '/app?token=planted',
        headers: cookie,
        status: 200,
        rule: 'app',
        reason_code: 'ok',
        subject: IDENTITY_ID,
      },
      {
        path: '/app/none',
        headers: {},
        status: 401,
        rule: 'app',
        reason_code: 'no_authenticator_responsible',
      },
      {
        path: '/browser',
        headers: {},
        status: 302,
        rule: 'browser',
        reason_code: 'credential_rejected',
        refused_by: 'unauthorized',
      },
      { path: '/nowhere', headers: {}, status: 404, reason_code: 'no_rule' },
      {
        path: '/outage',
        headers: cookie,
        status: 503,
        rule: 'outage',
        reason_code: 'unavailable',
        refused_by: 'cookie_session',
      },
    ]
    for (const { path, headers, status } of requests) {
      assert.equal((await environment.fetch(path, { headers })).status, status, path)
    }
    for (const { path, headers: _sent, status, ...expected } of requests) {
      const line = () =>
        environment.envoyAccessLog().findLast(found => found.path === path.replace(/\?.*/, ''))
      await waitUntil(`Envoy's log line of ${path}`, () => line() !== undefined)
      const { rule, reason_code, refused_by, subject, rules_revision, code } = line() ?? {}
      const none = null
      assert.deepEqual(
        { rule, reason_code, refused_by, subject, code },
        { rule: none, refused_by: none, subject: none, ...expected, code: status },
        path,
      )
      assert.match(String(rules_revision), /^[0-9a-f]{16}$/)
    }
    assert.ok(!JSON.stringify(environment.envoyAccessLog()).includes('planted'))
  })

  test('one trace connects the client, Envoy, Credence and Kratos', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const client = '00f067aa0ba902b7'
    const before = whoamiRequests.length
    const headers = { ...cookie, traceparent: `00-${traceId}-${client}-01` }
    assert.equal((await environment.fetch('/app', { headers })).status, 200)
    const spans = await collector.waitForTrace(traceId, found => found.length >= 7)
    const onlySpan = (service: string, kind: string, name: RegExp) => {
      const found = spans.filter(
        span => span.service === service && span.kind === kind && name.test(span.name),
      )
      assert.equal(
        found.length,
        1,
        `${service} ${kind} ${name}: ${JSON.stringify(spans.map(span => [span.service, span.kind, span.name]))}`,
      )
      return found[0] as (typeof spans)[number]
    }
    const ingress = onlySpan('edge-envoy', 'server', /./)
    assert.equal(ingress.parentId, client)
    const egress = onlySpan('edge-envoy', 'client', /Authorization\.Check egress/)
    assert.equal(egress.parentId, ingress.spanId)
    const check = onlySpan('credence', 'server', /Authorization\/Check$/)
    assert.equal(check.parentId, egress.spanId, 'the parent is the span in the gRPC metadata')
    assert.deepEqual(
      ['credence.rule.id', 'credence.decision', 'credence.authenticator'].map(key => check.attributes[key]),
      ['app', 'allow', 'cookie_session'],
    )
    const authenticator = onlySpan('credence', 'internal', /^authenticator cookie_session$/)
    assert.equal(authenticator.parentId, check.spanId)
    const whoami = onlySpan('credence', 'client', /whoami/)
    assert.equal(whoami.parentId, authenticator.spanId)
    assert.equal(whoamiRequests[before]?.traceparent, `00-${traceId}-${whoami.spanId}-01`)
    const logged = () =>
      [...environment.logRecords(), ...secondReplicaLog()].filter(record => record.trace_id === traceId)
    await waitUntil('a log record of the trace', () => logged().length > 0)
    assert.equal(logged().length, 1)
  })

  test('an invalid trace context starts a new trace (J10)', async () => {
    const before = collector.spans.length
    assert.equal((await environment.fetch('/open', { headers: { traceparent: 'zz' } })).status, 200)
    const checkSpan = () =>
      collector.spans.slice(before).find(span => span.service === 'credence' && span.kind === 'server')
    await waitUntil('the span of the Check', () => checkSpan() !== undefined)
    assert.match(checkSpan()?.traceId ?? '', /^[0-9a-f]{32}$/)
    assert.equal(checkSpan()?.parentId, '')
  })

  test('a replica that receives SIGTERM answers what it received, and no request fails (F15, J15)', async () => {
    const seen = new Map<number, number>()
    const failed: string[] = []
    let stopping = false
    const clients = Array.from({ length: 16 }, async () => {
      // The bound ends the loop even if the test fails before it sets `stopping`.
      for (let i = 0; i < 200 && !stopping; i++) {
        const { status, body } = await environment.fetch('/app', { headers: cookie })
        if (status !== 200) failed.push(`${status} ${body}`)
        seen.set(status, (seen.get(status) ?? 0) + 1)
      }
    })
    await sleep(4 * KRATOS_DELAY_MS)
    const started = [...seen.values()].reduce((sum, count) => sum + count, 0)
    environment.credence.kill('SIGTERM')
    assert.equal(await environment.credence.ended, 'exit code 0')
    await sleep(4 * KRATOS_DELAY_MS)
    stopping = true
    await Promise.all(clients)
    assert.deepEqual(failed, [], JSON.stringify([...seen]))
    assert.ok(started > 0 && (seen.get(200) ?? 0) > started, 'requests were sent before and after the signal')
    const events = environment
      .logRecords()
      .flatMap(record => (typeof record.event === 'string' ? [record.event] : []))
    assert.deepEqual(events.slice(-2), ['draining', 'stopped'])
  })

  test('a replica without rules is unhealthy, and Envoy uses the other one (F15)', async () => {
    await waitForHealthFlags(environment.ports.credence, /failed_active_hc/)
    const rules = join(environment.folder, 'rules.yaml')
    renameSync(rules, `${rules}.away`)
    const starting = environment.startCredence()
    const startCount = () => environment.logRecords().filter(record => record.event === 'started').length
    await waitUntil('the replica listens', () => startCount() > 1)
    await sleep(300)
    assert.match(await healthFlags(environment.ports.credence), /failed_active_hc/)
    for (let i = 0; i < 6; i++) assert.equal((await environment.fetch('/open')).status, 200)
    renameSync(`${rules}.away`, rules)
    await starting
    await waitForHealthFlags(environment.ports.credence, /^healthy$/)
  })
})

function secondReplicaLog(): readonly Readonly<Record<string, unknown>>[] {
  return readFileSync(join(environment.folder, 'second', 'credence.log'), 'utf8')
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line))
}
