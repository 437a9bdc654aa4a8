/** app_api — the side door as the configuration wants it: which of its routes are open, and to whom. Starts nothing else. */
import { createCorsPolicy } from '../api/cors.ts'
import { type DecisionsDependencies, decisionsRoute } from '../api/decisions.ts'
import { healthRoutes } from '../api/health.ts'
import { type JwksDependencies, jwksRoute } from '../api/jwks.ts'
import { revocationsRoute } from '../api/revocations.ts'
import { type RulesDependencies, rulesRoutes } from '../api/rules.ts'
import { type ApiServer, startApiServer } from '../api/server.ts'
import type { TlsIdentity } from '../http/tls.ts'
import type { Clock } from '../lib/time.ts'
import type { RevocationTarget } from '../sessions/types.ts'
import { version } from '../version.ts'
import type { Config } from './config.ts'
import { corsOptionsOf, listenAddress, pathModeOf, trustedProxyMatcher } from './options.ts'

/** Longest time for a decision over HTTP, where no deadline comes along, ms. */
const DECISION_TIMEOUT_MS = 10_000

interface ApiDependencies
  extends RulesDependencies,
    JwksDependencies,
    Pick<DecisionsDependencies, 'snapshot' | 'onDecision'> {
  readonly config: Config
  readonly clock: Clock
  readonly tls: TlsIdentity | undefined
  readonly ready: () => boolean
  /** `source` says how the news came. True when all replicas that can be reached have heard. */
  readonly revoke: (source: 'api', revoked: RevocationTarget) => Promise<boolean>
  readonly onError: (where: string, error: unknown) => void
}

/** Listens; rejects when the address is taken. */
export function startApiListener(dependencies: ApiDependencies): Promise<ApiServer> {
  const { config, clock } = dependencies
  const routes = [
    healthRoutes({ ready: dependencies.ready, version }),
    jwksRoute(dependencies),
    rulesRoutes(dependencies),
  ]
  if (config.flag('serve.api.decisions')) {
    const { snapshot, onDecision } = dependencies
    const trusted = trustedProxyMatcher(config)
    const paths = pathModeOf(config)
    routes.unshift(
      decisionsRoute({
        snapshot,
        onDecision,
        now: clock.now,
        paths,
        isTrustedProxy: trusted,
        timeoutMs: DECISION_TIMEOUT_MS,
      }),
    )
  }
  const keys = config.list('sessions.revocation.keys')
  if (keys.length > 0) {
    routes.push(
      revocationsRoute({ keys, wall: clock.wall, revoke: revoked => dependencies.revoke('api', revoked) }),
    )
  }
  return startApiServer({
    ...listenAddress(config, 'api'),
    timeouts: {
      read: config.number('serve.api.timeout.read'),
      write: config.number('serve.api.timeout.write'),
      idle: config.number('serve.api.timeout.idle'),
    },
    routes,
    cors: config.flag('serve.api.cors.enabled') ? createCorsPolicy(corsOptionsOf(config)) : undefined,
    tls: dependencies.tls,
    onError: error => dependencies.onError('api', error),
  })
}
