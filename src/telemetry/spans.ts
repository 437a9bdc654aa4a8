/** Spans around Checks, handlers and outgoing calls. */
import {
  type Attributes,
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { type Awaitable, andThen } from '../access/awaitable.ts'
import type { Decision } from '../access/decision.ts'
import type { HeaderPair, HttpFailure, HttpResponse, OutgoingRequest, Send } from '../clients/http/message.ts'

/** Metadata of a gRPC call. Names are in lower case. */
export interface MetadataCarrier {
  get(name: string): string | undefined
}

const CARRIER_GETTER: TextMapGetter<MetadataCarrier> = {
  get: (carrier, name) => carrier.get(name.toLowerCase()),
  keys: () => [],
}

/** Runs a Check in a SERVER span that continues the trace of Envoy, whose context is in the gRPC metadata. */
export function traceChecks(tracer: Tracer) {
  return (metadata: MetadataCarrier, run: () => Awaitable<Decision>): Awaitable<Decision> => {
    const parent = propagation.extract(context.active(), metadata, CARRIER_GETTER)
    const span = tracer.startSpan(
      'envoy.service.auth.v3.Authorization/Check',
      {
        kind: SpanKind.SERVER,
        attributes: {
          'rpc.system': 'grpc',
          'rpc.service': 'envoy.service.auth.v3.Authorization',
          'rpc.method': 'Check',
        },
      },
      parent,
    )
    return context.with(trace.setSpan(parent, span), () =>
      endSpanAfter(span, run, decision => {
        span.setAttributes(decisionAttributes(decision))
        // A denial is a normal result. Only a 5xx marks the span as failed.
        if (decision.kind === 'deny' && decision.status >= 500) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: decision.metadata.code })
        }
      }),
    )
  }
}

/** Ends the span when `run` returns, resolves or throws. The error is not recorded: its message may contain a credential. */
function endSpanAfter<T>(span: Span, run: () => Awaitable<T>, onOutcome: (outcome: T) => void): Awaitable<T> {
  return andThen(
    undefined,
    () =>
      andThen(run(), outcome => {
        onOutcome(outcome)
        span.end()
        return outcome
      }),
    error => {
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'internal_error' })
      span.end()
      throw error
    },
  )
}

function decisionAttributes(decision: Decision): Attributes {
  const { rule, authenticator, refusedBy, code, errorHandler, revision, annotations } = decision.metadata
  return {
    'credence.rule.id': rule,
    'credence.decision': decision.kind,
    'credence.reason.code': code,
    'http.response.status_code': decision.kind === 'allow' ? 200 : decision.status,
    ...(authenticator === '' ? {} : { 'credence.authenticator': authenticator }),
    ...(refusedBy === '' ? {} : { 'credence.refused_by': refusedBy }),
    ...(errorHandler === '' ? {} : { 'credence.error_handler': errorHandler }),
    ...(revision === '' ? {} : { 'credence.rules.revision': revision }),
    ...(annotations.cache === undefined ? {} : { 'credence.cache.result': annotations.cache }),
  }
}

/** Wraps a handler in an INTERNAL span with a name such as `authenticator cookie_session`. */
export function traceStages(tracer: Tracer) {
  return <F extends (...args: never[]) => unknown>(kind: string, id: string, run: F): F => {
    const name = `${kind} ${id}`
    const attributes = { 'credence.handler.kind': kind, 'credence.handler.id': id }
    const traced = (...args: never[]): unknown => {
      const span = tracer.startSpan(name, { attributes })
      return context.with(trace.setSpan(context.active(), span), () =>
        endSpanAfter(
          span,
          () => run(...args),
          outcome => {
            if (isDenial(outcome)) span.setAttribute('credence.reason.code', outcome.code)
          },
        ),
      )
    }
    return traced as F
  }
}

const isDenial = (outcome: unknown): outcome is { code: string } =>
  typeof outcome === 'object' && outcome !== null && 'kind' in outcome && outcome.kind === 'denial'

/** Wraps each outgoing call in a CLIENT span and injects its context. The query and user info of the URL are left out. */
export function traceSend(tracer: Tracer, send: Send): Send {
  return async request => {
    const { protocol, host, pathname, hostname, port } = new URL(request.url)
    const span = tracer.startSpan(`${request.method} ${request.target}`, {
      kind: SpanKind.CLIENT,
      attributes: {
        'http.request.method': request.method,
        'url.full': `${protocol}//${host}${pathname}`,
        'server.address': hostname,
        ...(port === '' ? {} : { 'server.port': Number(port) }),
        'credence.target': request.target,
      },
    })
    const spanContext = trace.setSpan(context.active(), span)
    const response = await context.with(spanContext, () => send(injectContext(request, spanContext)))
    endClientSpan(span, response)
    return response
  }
}

function injectContext(request: OutgoingRequest, spanContext: Context): OutgoingRequest {
  const added: HeaderPair[] = []
  propagation.inject(spanContext, added, { set: (pairs, name, value) => pairs.push([name, value]) })
  return { ...request, headers: [...request.headers, ...added] }
}

function endClientSpan(span: Span, response: HttpResponse | HttpFailure): void {
  if (response.kind === 'answered') span.setAttribute('http.response.status_code', response.status)
  if (response.kind === 'failed') span.setAttribute('error.type', response.cause)
  if (response.kind === 'failed' || response.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

/** Trace id of the active span, for the log; empty without one. */
export function activeTraceId(): string {
  return trace.getActiveSpan()?.spanContext().traceId ?? ''
}
