/** Starts and stops tracing. The OpenTelemetry SDK is loaded only if tracing is enabled. */
import type { Tracer } from '@opentelemetry/api'
import { trace } from '@opentelemetry/api'

/** The `tracing` section of Oathkeeper's configuration. */
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
  /** Exports the remaining spans, for up to 3 s. */
  stop(): Promise<void>
}

/** The `OTEL_*` variables enable tracing even without a `tracing` section. */
function isTracingEnabled(options: TracingOptions, env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false
  if (options.provider === 'otel' || options.provider === 'zipkin') return true
  return ['OTEL_TRACES_EXPORTER', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some(
    name => (env[name] ?? '') !== '',
  )
}

/** `undefined` if tracing is disabled. Then nothing wraps a Check or an outgoing call. */
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
    // The formats that Oathkeeper reads. Each propagator overwrites the context of the one before it.
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

/** The exporter of the `tracing` section. `undefined`: the SDK chooses one by the `OTEL_*` variables. */
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
