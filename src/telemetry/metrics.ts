/** Exports metrics: to Prometheus on a port of its own, and by OTLP if the `OTEL_*` variables enable it. */
import type { AddressInfo } from 'node:net'
import type { Meter } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, type MetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { createServer } from '../lib/node_http.ts'
import { createHistograms, type Histograms } from './histograms.ts'

export interface MetricsOptions {
  /** Address to listen on; empty for all interfaces. */
  readonly host: string
  readonly port: number
  readonly path: string
  readonly serviceName: string
  readonly version: string
  readonly env: NodeJS.ProcessEnv
  /** ms since the epoch. */
  readonly wall: () => number
}

export interface Metrics {
  readonly meter: Meter
  readonly histograms: Histograms
  /** Starts to listen. Resolves to `host:port`; rejects if the address is in use. */
  listen(): Promise<string>
  stop(): Promise<void>
}

export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  const { env, version } = options
  const resource = resourceFromAttributes({
    'service.name': env.OTEL_SERVICE_NAME ?? options.serviceName,
    'service.version': version,
  })
  const histograms = createHistograms({ name: 'credence', version }, resource, options.wall)
  const metricProducers = [histograms]
  const prometheus = new PrometheusExporter({ preventServerStart: true, metricProducers })
  const readers: MetricReader[] = [prometheus]
  if (isPushEnabled(env)) {
    const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-proto')
    readers.push(new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(), metricProducers }))
  }
  const views = [{ instrumentName: '*', aggregationCardinalityLimit: MAX_SERIES }]
  const provider = new MeterProvider({ resource, readers, views })
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  const server = createServer((request, response) => {
    if ((request.url ?? '').split('?', 1)[0] !== options.path) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n')
      return
    }
    prometheus.collect().then(
      ({ resourceMetrics }) => {
        const text = serializer.serialize(resourceMetrics)
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
      },
      () => response.writeHead(500).end(),
    )
  })
  return {
    meter: provider.getMeter('credence', version),
    histograms,
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ port: options.port, ...(options.host === '' ? {} : { host: options.host }) }, () => {
          const { address, port } = server.address() as AddressInfo
          resolve(`${address.includes(':') ? `[${address}]` : address}:${port}`)
        })
      }),
    async stop() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
      await Promise.race([provider.shutdown(), new Promise<void>(done => setTimeout(done, 3000).unref())])
    },
  }
}

/** Maximum number of series for each metric. Rule ids are labels, and the SDK's default of 2,000 would merge rules. */
const MAX_SERIES = 1_000_000

/** Whether to push by OTLP: if an endpoint is set, unless `OTEL_METRICS_EXPORTER` says otherwise. */
function isPushEnabled(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED === 'true') return false
  const exporter = env.OTEL_METRICS_EXPORTER
  if (exporter !== undefined && exporter !== '') return exporter.split(',').includes('otlp')
  return (env.OTEL_EXPORTER_OTLP_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? '') !== ''
}
