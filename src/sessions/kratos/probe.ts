/** Two probes that distinguish an ended session from a Kratos outage: the admin API, and a canary session. */
import type { Credential, VerifiedSession } from '../../access/verdict.ts'
import type { KratosAdmin, Whoami } from '../../clients/kratos.ts'
import type { Clock, WallTime } from '../../lib/time.ts'
import type { WhoamiEndpoint } from '../types.ts'
import { isActive, readWhoamiResponse } from './whoami_response.ts'

/**
 * Result of a probe after whoami returned 401. Kratos returns 401 for an ended session and also while its database fails.
 * `ended`: this session has ended. `healthy`: Kratos finds sessions, so its rejections are real. `live`: the session is
 * live, so whoami was wrong. `unhealthy`: Kratos cannot find sessions. `unknown`: the probe gave no usable result.
 */
export type ProbeVerdict = 'ended' | 'healthy' | 'live' | 'unhealthy' | 'unknown'

export interface Probe {
  /** Never rejects. */
  run(endpoint: WhoamiEndpoint, session: VerifiedSession): Promise<ProbeVerdict>
  /** Called when Kratos has returned a live session, so that a later `run` has what it needs. */
  warmUp(endpoint: WhoamiEndpoint): void
}

/** Asks the admin API for the session. Status 500 or no response: unhealthy. 404, inactive session or identity: ended. */
export function createAdminProbe(admin: KratosAdmin): Probe {
  return {
    async run(_endpoint, { id }) {
      const result = await admin.getSession(id)
      if (result.kind === 'failed') return 'unhealthy'
      if (result.kind === 'refused') {
        if (result.status === 404) return 'ended'
        return result.status >= 500 ? 'unhealthy' : 'unknown'
      }
      const { active, identity } = result.body
      if (active === false || identity?.state === 'inactive') return 'ended'
      return active === true && identity !== undefined && isActive(identity) ? 'live' : 'unknown'
    },
    warmUp: () => {},
  }
}

export interface CanaryProbeDependencies {
  readonly clock: Clock
  readonly whoami: Whoami
  /** Session cookie or token of a technical identity. */
  readonly credential: Credential
  /** Called when a healthy Kratos does not accept the credential, so that the probe can never give a result. */
  readonly onUnusable: () => void
}

/**
 * Calls whoami with the canary credential. A 401 means an outage only if the canary has been live before and has not
 * expired; otherwise the canary session itself may have ended.
 */
export function createCanaryProbe(dependencies: CanaryProbeDependencies): Probe {
  const { clock, whoami, credential } = dependencies
  const expiresAtByUrl = new Map<string, WallTime>()
  const warmedUp = new Set<string>()

  async function callCanary({ whoamiUrl, headers }: WhoamiEndpoint) {
    const response = await whoami({ url: whoamiUrl, headers, credential, target: 'kratos.canary' })
    const finding = readWhoamiResponse(response, credential.name, clock.wall())
    if (finding.kind === 'verified') expiresAtByUrl.set(whoamiUrl, finding.session.expiresAt)
    return finding.kind
  }

  return {
    async run(endpoint) {
      switch (await callCanary(endpoint)) {
        case 'verified':
        case 'second factor':
          return 'healthy'
        case 'unavailable':
          return 'unhealthy'
        case 'limited':
          return 'unknown'
        case 'rejected': {
          const expiresAt = expiresAtByUrl.get(endpoint.whoamiUrl)
          return expiresAt !== undefined && expiresAt > clock.wall() ? 'unhealthy' : 'unknown'
        }
      }
    },
    warmUp(endpoint) {
      const { whoamiUrl } = endpoint
      if (warmedUp.has(whoamiUrl)) return
      warmedUp.add(whoamiUrl)
      void callCanary(endpoint).then(kind => {
        if (kind === 'rejected' || kind === 'second factor') dependencies.onUnusable()
        // Without a result the next live session triggers another attempt.
        if (kind === 'unavailable' || kind === 'limited') warmedUp.delete(whoamiUrl)
      })
    },
  }
}

/** Reads `name=value` as a cookie and any text without `=` as a session token. */
export function parseCanaryCredential(text: string): Credential {
  const [name = '', ...rest] = text.split('=')
  return rest.length === 0
    ? { kind: 'token', name: '', value: text }
    : { kind: 'cookie', name, value: rest.join('=') }
}
