/** sessions/doubt — is a refusal of what was good a moment ago to be believed? One probe for all who wonder, its verdict kept for a second. Knows sessions, no credential. */
import type { VerifiedSession } from '../../access/verdict.ts'
import { type Clock, type Instant, millisBetween } from '../../lib/time.ts'
import type { WhoamiEndpoint } from '../types.ts'
import type { Probe, ProbeVerdict } from './probe.ts'

/** How long a verdict counts for others, ms. */
const VERDICT_TTL_MS = 1_000

export interface OutageDetector {
  probe(place: WhoamiEndpoint, session: VerifiedSession): Promise<ProbeVerdict>
  /** The session by which Kratos was found sick, until something else is known: nobody's refusal is believed without asking again. */
  readonly lastOutageEvidence: VerifiedSession | undefined
  /** Kratos has known somebody. */
  clearEvidence(): void
}

interface ProbeResult {
  readonly verdict: ProbeVerdict
  readonly session: VerifiedSession
  readonly probedAt: Instant
}

export function createOutageDetector(clock: Pick<Clock, 'now'>, probe: Probe): OutageDetector {
  let last: ProbeResult | undefined
  let inFlight: Promise<ProbeResult> | undefined

  async function runProbe(place: WhoamiEndpoint, session: VerifiedSession): Promise<ProbeResult> {
    const verdict = await probe.run(place, session).catch((): ProbeVerdict => 'unknown')
    const result = { verdict, session, probedAt: clock.now() }
    last = result
    inFlight = undefined
    return result
  }

  return {
    async probe(place, session) {
      if (last !== undefined && millisBetween(last.probedAt, clock.now()) < VERDICT_TTL_MS)
        return verdictFor(last, session)
      inFlight ??= runProbe(place, session)
      return verdictFor(await inFlight, session)
    },
    get lastOutageEvidence() {
      return last?.verdict === 'sick' ? last.session : undefined
    },
    clearEvidence() {
      if (last?.verdict === 'sick') last = undefined
    },
  }
}

/** What was found out about one session, for another: that Kratos knows anything of the one makes it well for all. */
function verdictFor({ verdict, session }: ProbeResult, other: VerifiedSession): ProbeVerdict {
  if (session.id === other.id) return verdict
  if (verdict === 'ended') return 'well'
  return verdict === 'alive' ? 'unknown' : verdict
}
