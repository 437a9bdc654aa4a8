/** One guarded client for each Kratos, created on first use. */
import type { Whoami } from '../../clients/kratos.ts'
import type { Clock } from '../../lib/time.ts'
import type { CircuitBreakerState } from '../../resilience/circuit_breaker.ts'
import type { Probe } from './probe.ts'
import { createKratosUpstream, type KratosUpstream, type KratosUpstreamEvent } from './upstream.ts'
import { DEFAULT_OPTIONS, type KratosUpstreamOptions } from './upstream_options.ts'

export interface KratosUpstreamsDependencies {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly whoami: Whoami
  readonly options: Partial<KratosUpstreamOptions> | undefined
  readonly probeFor: ((whoamiUrl: string) => Probe | undefined) | undefined
  readonly onEvent: (event: KratosUpstreamEvent) => void
}

export interface KratosUpstreamsStatus {
  /** The worst state of all: open, then half open, then closed. */
  readonly circuitBreaker: CircuitBreakerState
  /** Calls in flight and queued calls, over all Kratos. */
  readonly inFlight: number
  readonly pending: number
}

export interface KratosUpstreams {
  forUrl(whoamiUrl: string): KratosUpstream
  /** Maximum number of concurrent calls to one Kratos. */
  readonly maxConcurrentRequests: number
  readonly status: KratosUpstreamsStatus
}

/** Bounds memory if reloaded rules name new Kratos URLs again and again. */
const MAX_UPSTREAMS = 256

export function createKratosUpstreams(dependencies: KratosUpstreamsDependencies): KratosUpstreams {
  const { probeFor, ...rest } = dependencies
  const options = { ...DEFAULT_OPTIONS, ...dependencies.options }
  const upstreams = new Map<string, KratosUpstream>()
  return {
    maxConcurrentRequests: options.maxConcurrentRequests,
    forUrl(whoamiUrl) {
      let upstream = upstreams.get(whoamiUrl)
      if (upstream === undefined) {
        const [oldest] = upstreams.keys()
        if (oldest !== undefined && upstreams.size >= MAX_UPSTREAMS) upstreams.delete(oldest)
        upstream = createKratosUpstream({ ...rest, options, probe: probeFor?.(whoamiUrl) })
        upstreams.set(whoamiUrl, upstream)
      }
      return upstream
    },
    get status(): KratosUpstreamsStatus {
      const all = [...upstreams.values()]
      const worst = (['open', 'half_open'] as const).find(state =>
        all.some(upstream => upstream.circuitState === state),
      )
      return {
        circuitBreaker: worst ?? 'closed',
        inFlight: all.reduce((sum, upstream) => sum + upstream.limiter.inFlight, 0),
        pending: all.reduce((sum, upstream) => sum + upstream.limiter.pending, 0),
      }
    },
  }
}
