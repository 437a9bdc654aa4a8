/** telemetry/trace — spans around what is already compiled, or nothing at all. Knows the OpenTelemetry API, not its SDK. */
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
import { type Awaitable, after } from '../access/awaitable.ts'
import type { Decision } from '../access/decision.ts'
import type { Answered, Failed, HeaderPair, OutgoingRequest, Send } from '../clients/http/message.ts'

/** What tracing needs of a call's metadata; names in lower case. */
export interface Carrier {
  get(name: string): string | undefined
}

const CARRIER: TextMapGetter<Carrier> = {
  get: (carrier, name) => carrier.get(name.toLowerCase()),
  keys: () => [],
}

/** Runs one Check inside a SERVER span that continues Envoy's trace: its context is in the gRPC metadata (envoy 0.17). */
export function traceChecks(tracer: Tracer) {
  return (metadata: Carrier, run: () => Awaitable<Decision>): Awaitable<Decision> => {
    const parent = propagation.extract(context.active(), metadata, CARRIER)
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
      ending(span, run, decision => {
        span.setAttributes(decisionAttributes(decision))
        // A denial is a product, not a failure; only what we could not do marks the span.
        if (decision.kind === 'deny' && decision.status >= 500) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: decision.trail.code })
        }
      }),
    )
  }
}

/** What `run` gives or throws, at once or later; the span ends with it, and knows nothing of what was thrown but that it was. */
function ending<T>(span: Span, run: () => Awaitable<T>, told: (outcome: T) => void): Awaitable<T> {
  return after(
    undefined,
    () =>
      after(run(), outcome => {
        told(outcome)
        span.end()
        return outcome
      }),
    error => {
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'accident' })
      span.end()
      throw error
    },
  )
}

function decisionAttributes(decision: Decision): Attributes {
  const { rule, authenticator, refusedBy, code, notes } = decision.trail
  return {
    'credence.rule.id': rule,
    'credence.decision': decision.kind,
    'credence.reason.code': code,
    'http.response.status_code': decision.kind === 'allow' ? 200 : decision.status,
    ...(authenticator === '' ? {} : { 'credence.authenticator': authenticator }),
    ...(refusedBy === '' ? {} : { 'credence.refused_by': refusedBy }),
    ...(notes.cache === undefined ? {} : { 'credence.cache.result': notes.cache }),
  }
}

/** The same function in an INTERNAL span named `authenticator cookie_session`. */
export function traceStages(tracer: Tracer) {
  return <F extends (...args: never[]) => unknown>(kind: string, id: string, run: F): F => {
    const name = `${kind} ${id}`
    const attributes = { 'credence.handler.kind': kind, 'credence.handler.id': id }
    const traced = (...args: never[]): unknown => {
      const span = tracer.startSpan(name, { attributes })
      return context.with(trace.setSpan(context.active(), span), () =>
        ending(
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

/** A CLIENT span around each call to the outside, its context sent along. The URL's query and user part stay out. */
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
    const within = trace.setSpan(context.active(), span)
    const answer = await context.with(within, () => send(withContext(request, within)))
    finish(span, answer)
    return answer
  }
}

function withContext(request: OutgoingRequest, within: Context): OutgoingRequest {
  const added: HeaderPair[] = []
  propagation.inject(within, added, { set: (pairs, name, value) => pairs.push([name, value]) })
  return { ...request, headers: [...request.headers, ...added] }
}

function finish(span: Span, answer: Answered | Failed): void {
  if (answer.kind === 'answered') span.setAttribute('http.response.status_code', answer.status)
  if (answer.kind === 'failed') span.setAttribute('error.type', answer.cause)
  if (answer.kind === 'failed' || answer.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

/** Trace id of the span in force, for the log; empty where nothing is traced. */
export function activeTraceId(): string {
  return trace.getActiveSpan()?.spanContext().traceId ?? ''
}
