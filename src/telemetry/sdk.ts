/** telemetry/sdk — starts and stops tracing. The only importer of the OpenTelemetry SDK, which is loaded only where tracing is asked for. */
import type { Tracer } from '@opentelemetry/api'
import { trace } from '@opentelemetry/api'

/** Oathkeeper's `tracing` section, as decoded. */
export interface TracingOptions {
  readonly provider: string | undefined
  readonly serviceName: string
  readonly deploymentEnvironment: string | undefined
  readonly otlp: {
    readonly serverUrl: string
    readonly insecure: boolean
    readonly samplingRatio: number | undefined
    readonly authorizationHeader: string | undefined
  }
  readonly zipkin: { readonly serverUrl: string; readonly samplingRatio: number | undefined }
}

export interface Tracing {
  readonly tracer: Tracer
  /** Sends what is left; bounded to a few seconds. */
  stop(): Promise<void>
}

/** The standard variables switch tracing on too, also without a `tracing` section. */
export function isTracingEnabled(options: TracingOptions, env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false
  if (options.provider === 'otel' || options.provider === 'zipkin') return true
  return ['OTEL_TRACES_EXPORTER', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some(
    name => (env[name] ?? '') !== '',
  )
}

/** `undefined` when nobody asks for traces: then no wrapper exists on the way of a Check either. */
export async function startTracing(
  options: TracingOptions,
  version: string,
  env: NodeJS.ProcessEnv,
): Promise<Tracing | undefined> {
  if (!isTracingEnabled(options, env)) return undefined
  const [{ NodeSDK, resources, tracing, core }, { B3Propagator, B3InjectEncoding }, { JaegerPropagator }] =
    await Promise.all([
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/propagator-b3'),
      import('@opentelemetry/propagator-jaeger'),
    ])
  const ratio = options.provider === 'zipkin' ? options.zipkin.samplingRatio : options.otlp.samplingRatio
  const exporter = await createExporter(options)
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({
      'service.name': env.OTEL_SERVICE_NAME ?? options.serviceName,
      'service.version': version,
      ...(options.deploymentEnvironment === undefined
        ? {}
        : { 'deployment.environment.name': options.deploymentEnvironment }),
    }),
    // Incoming contexts as Oathkeeper reads them (spec 9.4); the first that parses wins.
    textMapPropagator: new core.CompositePropagator({
      propagators: [
        new JaegerPropagator(),
        new B3Propagator({ injectEncoding: B3InjectEncoding.SINGLE_HEADER }),
        new core.W3CTraceContextPropagator(),
        new core.W3CBaggagePropagator(),
      ],
    }),
    ...(ratio === undefined
      ? {}
      : { sampler: new tracing.ParentBasedSampler({ root: new tracing.TraceIdRatioBasedSampler(ratio) }) }),
    ...(exporter === undefined ? {} : { traceExporter: exporter }),
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  return {
    tracer: trace.getTracer('credence', version),
    stop: () => Promise.race([sdk.shutdown(), new Promise<void>(done => setTimeout(done, 3000).unref())]),
  }
}

/** The exporter of the `tracing` section; `undefined` leaves the choice to the `OTEL_*` variables. */
async function createExporter(options: TracingOptions) {
  if (options.provider === 'zipkin') {
    const { ZipkinExporter } = await import('@opentelemetry/exporter-zipkin')
    return new ZipkinExporter({ url: options.zipkin.serverUrl })
  }
  if (options.provider !== 'otel' || options.otlp.serverUrl === '') return undefined
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  const { serverUrl, insecure, authorizationHeader } = options.otlp
  const base = serverUrl.includes('://') ? serverUrl : `${insecure ? 'http' : 'https'}://${serverUrl}`
  const url = new URL(base)
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return new OTLPTraceExporter({
    url: url.href,
    ...(authorizationHeader === undefined ? {} : { headers: { authorization: authorizationHeader } }),
  })
}
