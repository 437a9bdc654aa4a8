/** Envoy's connections to Credence: one for each of four workers, keepalive pings, a maximum age, and a Credence that hangs. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../support/wait_until.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const RULES = `
- id: all
  match: { url: "http://127.0.0.1:<[0-9]+>/<.*>", methods: [GET] }
  authenticators: [ { handler: anonymous } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`

/** HttpProtocolOptions of clusters with Credence as their only endpoint, each used by the listener of the same name. */
const CLUSTERS = {
  pinged: [
    'explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: 0.02s, timeout: 1s } } }',
  ],
  'idle-pinged': [
    'explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: 3600s, timeout: 1s, connection_idle_interval: 0.001s } } }',
  ],
  aging: [
    'explicit_http_config: { http2_protocol_options: {} }',
    'common_http_protocol_options: { max_connection_duration: 0.2s }',
  ],
  counted: [
    'explicit_http_config: { http2_protocol_options: {} }',
    'common_http_protocol_options: { max_requests_per_connection: 5 }',
  ],
} as const
type Cluster = keyof typeof CLUSTERS
const names = Object.keys(CLUSTERS) as Cluster[]

/** Adds a copy of the cluster `credence` for each of CLUSTERS. */
function addClusters(yaml: string): string {
  const [own = ''] = /^ {2}- name: credence\n(?: {4}.*\n| *\n)*/m.exec(yaml) ?? []
  const copyAs = (name: Cluster): string =>
    own
      .replaceAll(/(name: )credence$/gm, `$1${name}`)
      .replace(/^( *)explicit_http_config:\n.*\n/m, (_, indent: string) =>
        CLUSTERS[name].map(line => `${indent}${line}\n`).join(''),
      )
  return yaml + names.map(copyAs).join('')
}

describe('connections of an Envoy with four workers', { timeout: 120_000 }, () => {
  let environment: EnvoyEnvironment
  before(async () => {
    environment = await startEnvoyEnvironment({
      rules: RULES,
      concurrency: 4,
      // A Credence that was stopped for a while is not to shed what waits for it.
      editCredence: yaml =>
        yaml.replace('shutdown_delay: 0s', '$&\n  overload: { max_event_loop_delay: 0s }'),
      editEnvoy: addClusters,
      listeners: Object.fromEntries(
        names.map(name => [
          name,
          (yaml: string) => yaml.replace('cluster_name: credence', `cluster_name: ${name}`),
        ]),
      ),
    })
  })
  after(() => environment?.close())

  /** Value of a statistic of Envoy's cluster; 0 before it exists. */
  async function statistic(cluster: string, name: string): Promise<number> {
    const page = await fetch(
      `http://127.0.0.1:${environment.ports.envoyAdmin}/stats?filter=^cluster.${cluster}.${name}$`,
    )
    return Number(/: (\d+)/.exec(await page.text())?.[1] ?? 0)
  }

  /** Sends requests at once, each on a connection of its own, and expects each to be allowed. */
  async function assertAllowed(count: number, listener?: Cluster): Promise<void> {
    const pages = await Promise.all(
      Array.from({ length: count }, (_, i) =>
        environment.fetch(`/page/${i}`, listener === undefined ? {} : { listener }),
      ),
    )
    assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200])
  }

  test('several workers open a connection each, and every request is allowed', async () => {
    for (let batch = 0; batch < 10; batch++) await assertAllowed(40)
    const connections = await statistic('credence', 'upstream_cx_active')
    // The kernel spreads 400 connections of clients over the workers.
    assert.ok(connections >= 3 && connections <= 8, `${connections} connections`)
    assert.equal(await statistic('credence', 'upstream_cx_destroy_remote'), 0)
    assert.equal(await statistic('credence', 'upstream_rq_rx_reset'), 0)
  })

  test('pings each 20 ms are answered for seconds, beside requests and without them', async () => {
    for (let batch = 0; batch < 20; batch++) {
      await assertAllowed(10, 'pinged')
      await sleep(50)
    }
    const connections = await statistic('pinged', 'upstream_cx_total')
    await sleep(1_500)
    await assertAllowed(10, 'pinged')
    assert.equal(await statistic('pinged', 'http2.keepalive_timeout'), 0)
    assert.equal(await statistic('pinged', 'upstream_cx_destroy_remote'), 0)
    assert.ok((await statistic('pinged', 'upstream_cx_total')) <= Math.max(connections, 4))
  })

  test('a ping before each request on an idle connection is answered', async () => {
    for (let i = 0; i < 20; i++) {
      await assertAllowed(1, 'idle-pinged')
      await sleep(20)
    }
    // Longer than Envoy waits for an answer.
    await sleep(1_200)
    assert.equal(await statistic('idle-pinged', 'http2.keepalive_timeout'), 0)
    assert.equal(await statistic('idle-pinged', 'upstream_cx_destroy'), 0)
  })

  for (const [cluster, reason] of [
    ['aging', 'upstream_cx_max_duration_reached'],
    ['counted', 'upstream_cx_max_requests'],
  ] as const) {
    test(`no request fails while Envoy replaces connections (${reason})`, async () => {
      const replaced = () => statistic(cluster, reason)
      await waitUntil(
        'ten connections are replaced',
        async () => {
          await assertAllowed(20, cluster)
          return (await replaced()) >= 10
        },
        { timeoutMs: 60_000 },
      )
      assert.equal(await statistic(cluster, 'upstream_cx_destroy_remote'), 0)
      assert.equal(await statistic(cluster, 'upstream_rq_rx_reset'), 0)
    })
  }

  test('pings reveal a Credence that hangs, and requests are allowed again when it continues', async () => {
    await assertAllowed(1, 'pinged')
    environment.credence.kill('SIGSTOP')
    try {
      await waitUntil(
        'Envoy closes a connection',
        async () => (await statistic('pinged', 'http2.keepalive_timeout')) > 0,
      )
      assert.equal((await environment.fetch('/page', { listener: 'pinged' })).status, 503)
    } finally {
      environment.credence.kill('SIGCONT')
    }
    await waitUntil(
      'a request is allowed',
      async () => (await environment.fetch('/page', { listener: 'pinged' })).status === 200,
    )
    await assertAllowed(20, 'pinged')
  })
})
