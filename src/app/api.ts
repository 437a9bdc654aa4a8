/** app_api — the side door as the configuration wants it: which of its routes are open, and to whom. Starts nothing else. */
import { compileCors } from '../api/cors.ts'
import { type DecisionsParts, decisionsRoute } from '../api/decisions.ts'
import { healthRoutes } from '../api/health.ts'
import { type JwksParts, jwksRoute } from '../api/jwks.ts'
import { revocationsRoute } from '../api/revocations.ts'
import { type RulesParts, rulesRoutes } from '../api/rules.ts'
import { type ApiServer, startApi } from '../api/server.ts'
import type { TlsIdentity } from '../http/tls.ts'
import type { Clock } from '../lib/time.ts'
import type { Revoked } from '../sessions/types.ts'
import { version } from '../version.ts'
import type { Config } from './config.ts'
import { addressOf, corsOf, pathsOf, trustedOf } from './options.ts'

/** Longest time for a decision over HTTP, where no deadline comes along, ms. */
const HTTP_BUDGET = 10_000

interface ApiParts extends RulesParts, JwksParts, Pick<DecisionsParts, 'snapshot' | 'record'> {
  readonly config: Config
  readonly clock: Clock
  readonly tls: TlsIdentity | undefined
  readonly ready: () => boolean
  /** `source` says how the news came. True when all replicas that can be reached have heard. */
  readonly revoke: (source: 'api', revoked: Revoked) => Promise<boolean>
  readonly accident: (where: string, error: unknown) => void
}

/** Listens; rejects when the address is taken. */
export function openApi(parts: ApiParts): Promise<ApiServer> {
  const { config, clock } = parts
  const routes = [healthRoutes({ ready: parts.ready, version }), jwksRoute(parts), rulesRoutes(parts)]
  if (config.flag('serve.api.decisions')) {
    const { snapshot, record } = parts
    const trusted = trustedOf(config)
    const paths = pathsOf(config)
    routes.unshift(decisionsRoute({ snapshot, record, now: clock.now, paths, trusted, budget: HTTP_BUDGET }))
  }
  const keys = config.list('sessions.revocation.keys')
  if (keys.length > 0) {
    routes.push(revocationsRoute({ keys, wall: clock.wall, revoke: revoked => parts.revoke('api', revoked) }))
  }
  return startApi({
    ...addressOf(config, 'api'),
    timeouts: {
      read: config.number('serve.api.timeout.read'),
      write: config.number('serve.api.timeout.write'),
      idle: config.number('serve.api.timeout.idle'),
    },
    routes,
    cors: config.flag('serve.api.cors.enabled') ? compileCors(corsOf(config)) : undefined,
    tls: parts.tls,
    accident: error => parts.accident('api', error),
  })
}
