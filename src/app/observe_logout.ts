/** Decision listener that revokes sessions when an allowed request to the public API of Kratos ends or changes them. */
import type { DecisionListener } from '../access/decision_listener.ts'
import type { RequestView } from '../access/request.ts'
import type { Credential } from '../access/verdict.ts'
import type { Clock } from '../lib/time.ts'
import { createSessionChangeReader } from '../sessions/kratos_public.ts'
import { createLogoutObserver, type SessionOwner } from '../sessions/logout_observer.ts'
import { kratosPublicSettings } from '../sessions/settings.ts'
import type { RevocationTarget, SessionEndpoint } from '../sessions/types.ts'
import type { SessionVerifier } from '../sessions/verifier.ts'
import type { Config } from './config.ts'

export interface LogoutObservationDependencies {
  readonly config: Config
  readonly clock: Clock
  readonly sessions: SessionVerifier
  readonly revoke: (source: 'observed', target: RevocationTarget) => unknown
  readonly onSkipped: () => void
  readonly onError: (where: string, error: unknown) => void
}

/** `undefined` unless `sessions.kratos_public.urls` is set. The listener neither waits nor throws. */
export function observeLogouts(dependencies: LogoutObservationDependencies): DecisionListener | undefined {
  const { config, clock, sessions } = dependencies
  const urls = config.get(kratosPublicSettings.urls)
  if (urls.length === 0) return undefined
  const endpoint = ownerEndpoint(config)
  const observe = createLogoutObserver({
    clock,
    readSessionChange: createSessionChangeReader({
      urls,
      cookieNames: config.get(kratosPublicSettings.cookies),
    }),
    findOwner: sessions.findOwner,
    verifyOwner: endpoint && ((credential, request) => verifyOwner(sessions, endpoint, credential, request)),
    revoke: target => void dependencies.revoke('observed', target),
    onSkipped: dependencies.onSkipped,
  })
  return (decision, request) => {
    try {
      if (decision.kind === 'allow' && request !== undefined) observe(request)
    } catch (error) {
      dependencies.onError('logout_observer', error)
    }
  }
}

async function verifyOwner(
  sessions: SessionVerifier,
  endpoint: SessionEndpoint,
  credential: Credential,
  request: RequestView,
): Promise<SessionOwner | undefined> {
  const verdict = await sessions.verify(endpoint, credential, request)
  return verdict.kind === 'verified' ? verdict.session : undefined
}

function ownerEndpoint(config: Config): SessionEndpoint | undefined {
  const { check_session_url: defaultUrl } = config.handlers.authenticator.get('cookie_session')?.config ?? {}
  const text = config.get(kratosPublicSettings.whoamiUrl) ?? defaultUrl
  const url = typeof text === 'string' ? URL.parse(text) : null
  if (url?.pathname.endsWith('/sessions/whoami') !== true) return undefined
  return { whoamiUrl: url.href, headers: [], maxAge: undefined }
}
