/** Runs one probe for all unexpected rejections of one Kratos and caches its verdict for a second. */
import type { VerifiedSession } from '../../access/verdict.ts'
import { type Clock, type Instant, millisBetween } from '../../lib/time.ts'
import type { WhoamiEndpoint } from '../types.ts'
import type { Probe, ProbeVerdict } from './probe.ts'

/** How long a verdict applies to other sessions, ms. */
const VERDICT_TTL_MS = 1_000

export interface OutageDetector {
  /** Never rejects. Concurrent callers share one probe. */
  probe(endpoint: WhoamiEndpoint, session: VerifiedSession): Promise<ProbeVerdict>
  /** Session of the last probe if its verdict was `unhealthy`. While set, every rejection needs a new probe. */
  readonly lastOutageEvidence: VerifiedSession | undefined
  /** Called when Kratos has returned a live session. */
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

  async function runProbe(endpoint: WhoamiEndpoint, session: VerifiedSession): Promise<ProbeResult> {
    const verdict = await probe.run(endpoint, session).catch((): ProbeVerdict => 'unknown')
    last = { verdict, session, probedAt: clock.now() }
    inFlight = undefined
    return last
  }

  return {
    async probe(endpoint, session) {
      if (last !== undefined && millisBetween(last.probedAt, clock.now()) < VERDICT_TTL_MS)
        return verdictFor(last, session)
      inFlight ??= runProbe(endpoint, session)
      return verdictFor(await inFlight, session)
    },
    get lastOutageEvidence() {
      return last?.verdict === 'unhealthy' ? last.session : undefined
    },
    clearEvidence() {
      if (last?.verdict === 'unhealthy') last = undefined
    },
  }
}

/** Applies the verdict on one session to another. If Kratos knows that one has ended, its database works for all. */
function verdictFor({ verdict, session }: ProbeResult, other: VerifiedSession): ProbeVerdict {
  if (session.id === other.id) return verdict
  if (verdict === 'ended') return 'healthy'
  return verdict === 'live' ? 'unknown' : verdict
}
