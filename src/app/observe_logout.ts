/** app_door — what passes the door and ends sessions at Kratos is noticed. Knows settings, decisions and the session memory. */

import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'
import type { Clock } from '../lib/time.ts'
import { compileKratosPublic } from '../sessions/kratos_public.ts'
import { createDoorWatch, type Owner } from '../sessions/logout_observer.ts'
import type { Revoked } from '../sessions/types.ts'
import type { Endpoint, Sessions } from '../sessions/verifier.ts'
import type { RecordDecision } from '../telemetry/access_log.ts'
import type { Config } from './config.ts'

export interface DoorParts {
  readonly config: Config
  readonly clock: Clock
  readonly sessions: Sessions
  readonly revoke: (source: 'door', revoked: Revoked) => unknown
  readonly skipped: () => void
  readonly record: RecordDecision
  readonly accident: (where: string, error: unknown) => void
}

/** The same record; requests to Kratos' public API that may pass are noticed first. */
export function watchedRecord(parts: DoorParts): RecordDecision {
  const { config, clock, sessions, record } = parts
  const urls = config.list('sessions.kratos_public.urls')
  if (urls.length === 0) return record
  const endpoint = endpointOf(config)
  const watch = createDoorWatch({
    clock,
    read: compileKratosPublic({ urls, cookies: config.list('sessions.kratos_public.cookies') }),
    ownerOf: sessions.ownerOf,
    ask: endpoint && ((credential, request) => ask(sessions, endpoint, credential, request)),
    revoke: revoked => void parts.revoke('door', revoked),
    skipped: parts.skipped,
  })
  return (decision, request, started) => {
    try {
      if (decision.kind === 'allow' && request !== undefined) watch(request)
    } catch (error) {
      parts.accident('door', error)
    }
    record(decision, request, started)
  }
}

async function ask(
  sessions: Sessions,
  endpoint: Endpoint,
  credential: Credential,
  request: RequestView,
): Promise<Owner | undefined> {
  const verdict = await sessions.verify(endpoint, credential, request)
  return verdict.kind === 'verified' ? verdict.session : undefined
}

function endpointOf(config: Config): Endpoint | undefined {
  const { check_session_url: usual } = config.handlers.authenticator.get('cookie_session')?.config ?? {}
  const text = config.text('sessions.kratos_public.whoami_url') ?? usual
  const url = typeof text === 'string' ? URL.parse(text) : null
  if (url?.pathname.endsWith('/sessions/whoami') !== true) return undefined
  return { whoamiUrl: url.href, headers: [], maxAge: undefined }
}
