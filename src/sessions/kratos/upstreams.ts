/** sessions/gates — one gate for each Kratos, made when it is first asked. Knows URLs, no credential and no memory. */
import type { Whoami } from '../../clients/kratos.ts'
import { type Clock, millis } from '../../lib/time.ts'
import type { CircuitBreakerState } from './circuit_breaker.ts'
import type { Probe } from './probe.ts'
import {
  createKratosUpstream,
  type KratosUpstream,
  type KratosUpstreamEvent,
  type KratosUpstreamOptions,
} from './upstream.ts'

export interface KratosUpstreamsDependencies {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly whoami: Whoami
  readonly options: Partial<KratosUpstreamOptions> | undefined
  readonly probeFor: ((whoamiUrl: string) => Probe | undefined) | undefined
  readonly onEvent: (news: KratosUpstreamEvent) => void
}

export interface KratosUpstreamsStatus {
  /** Of the Kratos that is worst off. */
  readonly breaker: CircuitBreakerState
  /** Questions to Kratos under way, and those that wait for their turn. */
  readonly inFlight: number
  readonly pending: number
}

export interface KratosUpstreams {
  forUrl(whoamiUrl: string): KratosUpstream
  /** Questions to one Kratos at a time. */
  readonly maxConcurrentRequests: number
  readonly status: KratosUpstreamsStatus
}

const DEFAULT_OPTIONS: KratosUpstreamOptions = {
  maxConcurrentRequests: 32,
  maxPendingRequests: 1_000,
  failureRatio: 0.5,
  minRequests: 20,
  openDuration: millis(2_000),
  outageBurst: 10,
  maxOutageDuration: millis(60_000),
  rejectionBurst: 1_000,
  rejectionsPerSecond: 100,
}

/** More Kratos than anybody has; a rule set that names others again and again does not fill memory. */
const MAX_UPSTREAMS = 256

export function createKratosUpstreams(parts: KratosUpstreamsDependencies): KratosUpstreams {
  const { probeFor, ...rest } = parts
  const options = { ...DEFAULT_OPTIONS, ...parts.options }
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
      const worst = (['open', 'half open'] as const).find(state =>
        all.some(gate => gate.circuitState === state),
      )
      return {
        breaker: worst ?? 'closed',
        inFlight: all.reduce((sum, gate) => sum + gate.inFlight, 0),
        pending: all.reduce((sum, gate) => sum + gate.pending, 0),
      }
    },
  }
}
