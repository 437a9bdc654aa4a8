/** sessions/probe — two ways to tell an ended session from a sick Kratos, which says 401 to both: its admin API, or a session that is known to live. Knows no memory. */
import type { Credential, VerifiedSession } from '../../access/verdict.ts'
import type { KratosAdmin, Whoami } from '../../clients/kratos.ts'
import type { Clock, WallTime } from '../../lib/time.ts'
import type { WhoamiEndpoint } from '../types.ts'
import { readWhoamiResponse } from './whoami_response.ts'

/**
 * What was found out about a session that whoami has just refused (kratos 2.3). `ended`: that very session. `well`: Kratos
 * knows sessions, so its refusals are honest. `alive`: the session lives, so whoami was wrong. `sick`: Kratos cannot know.
 * `unknown`: the probe could not be used.
 */
export type ProbeVerdict = 'ended' | 'well' | 'alive' | 'sick' | 'unknown'

export interface Probe {
  /** Never rejects. */
  run(place: WhoamiEndpoint, session: VerifiedSession): Promise<ProbeVerdict>
  /** Called when Kratos has known somebody: a good moment to get ready. */
  warmUp(place: WhoamiEndpoint): void
}

/** 500 and no answer: sick. 404, not active, inactive identity: ended. */
export function createAdminProbe(admin: KratosAdmin): Probe {
  return {
    async run(_place, { id }) {
      const answer = await admin.getSession(id)
      if (answer.kind === 'failed') return 'sick'
      if (answer.kind === 'refused') {
        if (answer.status === 404) return 'ended'
        return answer.status >= 500 ? 'sick' : 'unknown'
      }
      const { active, identity } = answer.body
      if (active === false || identity?.state === 'inactive') return 'ended'
      return active === true && identity?.state === 'active' ? 'alive' : 'unknown'
    },
    warmUp: () => {},
  }
}

export interface CanaryProbeDependencies {
  readonly clock: Clock
  readonly whoami: Whoami
  /** Of a technical identity. */
  readonly credential: Credential
  /** It is not a live session, although Kratos is well: nothing can be told by it. */
  readonly onUnusable: () => void
}

/** A canary that was never seen alive, or whose time is over, tells nothing by its death. */
export function createCanaryProbe(parts: CanaryProbeDependencies): Probe {
  const { clock, whoami, credential } = parts
  /** By whoami URL: until when it has to live. */
  const expiresAtByUrl = new Map<string, WallTime>()
  const warmedUp = new Set<string>()

  async function callCanary(place: WhoamiEndpoint) {
    const answer = await whoami({
      url: place.whoamiUrl,
      headers: place.headers,
      credential,
      target: 'kratos.canary',
    })
    const finding = readWhoamiResponse(answer, credential.name, clock.wall())
    if (finding.kind === 'verified') expiresAtByUrl.set(place.whoamiUrl, finding.session.expiresAt)
    return finding.kind
  }

  return {
    async run(place) {
      switch (await callCanary(place)) {
        case 'verified':
        case 'second factor':
          return 'well'
        case 'unavailable':
          return 'sick'
        case 'limited':
          return 'unknown'
        case 'rejected': {
          const expiresAt = expiresAtByUrl.get(place.whoamiUrl)
          return expiresAt !== undefined && expiresAt > clock.wall() ? 'sick' : 'unknown'
        }
      }
    },
    warmUp(place) {
      if (warmedUp.has(place.whoamiUrl)) return
      warmedUp.add(place.whoamiUrl)
      void callCanary(place).then(kind => {
        if (kind === 'rejected' || kind === 'second factor') parts.onUnusable()
        // Nothing was learned: with the next one whom Kratos knows.
        if (kind === 'unavailable' || kind === 'limited') warmedUp.delete(place.whoamiUrl)
      })
    },
  }
}

/** `name=value` is a cookie, anything without `=` a session token. */
export function parseCanaryCredential(text: string): Credential {
  const [name = '', ...rest] = text.split('=')
  return rest.length === 0
    ? { kind: 'token', name: '', value: text }
    : { kind: 'cookie', name, value: rest.join('=') }
}
