/** telemetry/metrics — gathers the instruments and shows them: Prometheus on a port of its own, OTLP where the standard variables ask for it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Meter } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, type MetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { createHistograms, type Histograms } from './histograms.ts'

export interface MetricsOptions {
  /** Empty for all interfaces. */
  readonly host: string
  readonly port: number
  readonly path: string
  readonly serviceName: string
  readonly version: string
  readonly env: NodeJS.ProcessEnv
  /** Milliseconds since the epoch. */
  readonly wall: () => number
}

export interface Metrics {
  readonly meter: Meter
  readonly histograms: Histograms
  /** Begins to answer; resolves to the address in force, rejects when it is taken. */
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

/** Of one metric. Labels come from closed sets and rule ids (G10); the SDK's own 2,000 would lump rules together. */
const MAX_SERIES = 1_000_000

/** Pushed where an OTLP endpoint is named, unless the variable for metrics says otherwise. */
function isPushEnabled(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED === 'true') return false
  const exporter = env.OTEL_METRICS_EXPORTER
  if (exporter !== undefined && exporter !== '') return exporter.split(',').includes('otlp')
  return (env.OTEL_EXPORTER_OTLP_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? '') !== ''
}
