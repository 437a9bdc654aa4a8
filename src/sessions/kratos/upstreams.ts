/** sessions/gates — one gate for each Kratos, made when it is first asked. Knows URLs, no credential and no memory. */
import type { Whoami } from '../../clients/kratos.ts'
import { type Clock, millis } from '../../lib/time.ts'
import type { BreakerState } from './circuit_breaker.ts'
import type { Probe } from './probe.ts'
import { createGate, type Gate, type GateLimits, type GateNews } from './upstream.ts'

export interface GatesParts {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly whoami: Whoami
  readonly limits: Partial<GateLimits> | undefined
  readonly probeFor: ((whoamiUrl: string) => Probe | undefined) | undefined
  readonly tell: (news: GateNews) => void
}

export interface GatesCondition {
  /** Of the Kratos that is worst off. */
  readonly breaker: BreakerState
  /** Questions to Kratos under way, and those that wait for their turn. */
  readonly asked: number
  readonly waiting: number
}

export interface Gates {
  to(whoamiUrl: string): Gate
  /** Questions to one Kratos at a time. */
  readonly places: number
  readonly condition: GatesCondition
}

const USUAL: GateLimits = {
  places: 32,
  waiting: 1_000,
  failureRatio: 0.5,
  failureMinimum: 20,
  openFor: millis(2_000),
  doubtBurst: 10,
  longestDoubt: millis(60_000),
  refusalBurst: 1_000,
  refusalsPerSecond: 100,
}

/** More Kratos than anybody has; a rule set that names others again and again does not fill memory. */
const MOST_GATES = 256

export function createGates(parts: GatesParts): Gates {
  const { probeFor, ...rest } = parts
  const limits = { ...USUAL, ...parts.limits }
  const gates = new Map<string, Gate>()
  return {
    places: limits.places,
    to(whoamiUrl) {
      let gate = gates.get(whoamiUrl)
      if (gate === undefined) {
        const [oldest] = gates.keys()
        if (oldest !== undefined && gates.size >= MOST_GATES) gates.delete(oldest)
        gate = createGate({ ...rest, limits, probe: probeFor?.(whoamiUrl) })
        gates.set(whoamiUrl, gate)
      }
      return gate
    },
    get condition(): GatesCondition {
      const all = [...gates.values()]
      const worst = (['open', 'half open'] as const).find(state => all.some(gate => gate.state === state))
      return {
        breaker: worst ?? 'closed',
        asked: all.reduce((sum, gate) => sum + gate.asked, 0),
        waiting: all.reduce((sum, gate) => sum + gate.waiting, 0),
      }
    },
  }
}
