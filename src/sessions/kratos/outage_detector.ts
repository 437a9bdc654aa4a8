/** sessions/doubt — is a refusal of what was good a moment ago to be believed? One probe for all who wonder, its verdict kept for a second. Knows sessions, no credential. */
import type { VerifiedSession } from '../../access/verdict.ts'
import { between, type Clock, type Instant } from '../../lib/time.ts'
import type { Place } from '../types.ts'
import type { Probe, ProbeVerdict } from './probe.ts'

/** How long a verdict counts for others, ms. */
const KEPT = 1_000

export interface Doubt {
  ask(place: Place, session: VerifiedSession): Promise<ProbeVerdict>
  /** The session by which Kratos was found sick, until something else is known: nobody's refusal is believed without asking again. */
  readonly suspicion: VerifiedSession | undefined
  /** Kratos has known somebody. */
  cleared(): void
}

interface Told {
  readonly verdict: ProbeVerdict
  readonly session: VerifiedSession
  readonly at: Instant
}

export function createDoubt(clock: Pick<Clock, 'now'>, probe: Probe): Doubt {
  let last: Told | undefined
  let asking: Promise<Told> | undefined

  async function find(place: Place, session: VerifiedSession): Promise<Told> {
    const verdict = await probe.ask(place, session).catch((): ProbeVerdict => 'unknown')
    const told = { verdict, session, at: clock.now() }
    last = told
    asking = undefined
    return told
  }

  return {
    async ask(place, session) {
      if (last !== undefined && between(last.at, clock.now()) < KEPT) return forSession(last, session)
      asking ??= find(place, session)
      return forSession(await asking, session)
    },
    get suspicion() {
      return last?.verdict === 'sick' ? last.session : undefined
    },
    cleared() {
      if (last?.verdict === 'sick') last = undefined
    },
  }
}

/** What was found out about one session, for another: that Kratos knows anything of the one makes it well for all. */
function forSession({ verdict, session }: Told, other: VerifiedSession): ProbeVerdict {
  if (session.id === other.id) return verdict
  if (verdict === 'ended') return 'well'
  return verdict === 'alive' ? 'unknown' : verdict
}
