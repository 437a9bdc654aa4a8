/** sessions/probe — two ways to tell an ended session from a sick Kratos, which says 401 to both: its admin API, or a session that is known to live. Knows no memory. */
import type { Credential, VerifiedSession } from '../../access/verdict.ts'
import type { KratosAdmin, Whoami } from '../../clients/kratos.ts'
import type { Clock, WallTime } from '../../lib/time.ts'
import type { Place } from '../types.ts'
import { readWhoami } from './whoami_response.ts'

/**
 * What was found out about a session that whoami has just refused (kratos 2.3). `ended`: that very session. `well`: Kratos
 * knows sessions, so its refusals are honest. `alive`: the session lives, so whoami was wrong. `sick`: Kratos cannot know.
 * `unknown`: the probe could not be used.
 */
export type ProbeVerdict = 'ended' | 'well' | 'alive' | 'sick' | 'unknown'

export interface Probe {
  /** Never rejects. */
  ask(place: Place, session: VerifiedSession): Promise<ProbeVerdict>
  /** Called when Kratos has known somebody: a good moment to get ready. */
  learn(place: Place): void
}

/** 500 and no answer: sick. 404, not active, inactive identity: ended. */
export function createAdminProbe(admin: KratosAdmin): Probe {
  return {
    async ask(_place, { id }) {
      const answer = await admin.session(id)
      if (answer.kind === 'failed') return 'sick'
      if (answer.kind === 'refused') {
        if (answer.status === 404) return 'ended'
        return answer.status >= 500 ? 'sick' : 'unknown'
      }
      const { active, identity } = answer.body
      if (active === false || identity?.state === 'inactive') return 'ended'
      return active === true && identity?.state === 'active' ? 'alive' : 'unknown'
    },
    learn: () => {},
  }
}

export interface CanaryParts {
  readonly clock: Clock
  readonly whoami: Whoami
  /** Of a technical identity. */
  readonly credential: Credential
  /** It is not a live session, although Kratos is well: nothing can be told by it. */
  readonly useless: () => void
}

/** A canary that was never seen alive, or whose time is over, tells nothing by its death. */
export function createCanaryProbe(parts: CanaryParts): Probe {
  const { clock, whoami, credential } = parts
  /** By whoami URL: until when it has to live. */
  const lives = new Map<string, WallTime>()
  const learning = new Set<string>()

  async function look(place: Place) {
    const answer = await whoami({
      url: place.whoamiUrl,
      headers: place.headers,
      credential,
      target: 'kratos.canary',
    })
    const finding = readWhoami(answer, credential.name, clock.wall())
    if (finding.kind === 'verified') lives.set(place.whoamiUrl, finding.session.expiresAt)
    return finding.kind
  }

  return {
    async ask(place) {
      switch (await look(place)) {
        case 'verified':
        case 'second factor':
          return 'well'
        case 'unavailable':
          return 'sick'
        case 'limited':
          return 'unknown'
        case 'rejected': {
          const until = lives.get(place.whoamiUrl)
          return until !== undefined && until > clock.wall() ? 'sick' : 'unknown'
        }
      }
    },
    learn(place) {
      if (learning.has(place.whoamiUrl)) return
      learning.add(place.whoamiUrl)
      void look(place).then(kind => {
        if (kind === 'rejected' || kind === 'second factor') parts.useless()
        // Nothing was learned: with the next one whom Kratos knows.
        if (kind === 'unavailable' || kind === 'limited') learning.delete(place.whoamiUrl)
      })
    },
  }
}

/** `name=value` is a cookie, anything without `=` a session token. */
export function readCanary(text: string): Credential {
  const [name = '', ...rest] = text.split('=')
  return rest.length === 0
    ? { kind: 'token', name: '', value: text }
    : { kind: 'cookie', name, value: rest.join('=') }
}
