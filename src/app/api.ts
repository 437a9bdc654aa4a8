/** Starts the api listener with the routes that the configuration enables. */
import { createAdminAuthorization } from '../api/admin/authorization.ts'
import { adminRoutes } from '../api/admin/routes.ts'
import { adminSettings } from '../api/admin/settings.ts'
import { createCorsPolicy } from '../api/cors.ts'
import { type DecisionsDependencies, decisionsRoute } from '../api/decisions.ts'
import { healthRoutes } from '../api/health.ts'
import { type JwksDependencies, jwksRoute } from '../api/jwks.ts'
import { type RevocationDependencies, revocationsRoute } from '../api/revocations.ts'
import { type RulesDependencies, rulesRoutes } from '../api/rules.ts'
import { type ApiServer, startApiServer } from '../api/server.ts'
import {
  apiListenAddress,
  apiTimeouts,
  corsOptions,
  decisionApiSettings,
  directOverrides,
  trustedProxyMatcher,
} from '../api/settings.ts'
import type { SettingValues } from '../config/setting.ts'
import { createPublicConfig } from '../handlers/compile/public_config.ts'
import { HANDLERS } from '../handlers/registry.ts'
import type { TlsIdentity } from '../http/tls.ts'
import type { Clock } from '../lib/time.ts'
import type { AccessRule } from '../rules/document.ts'
import { pathMode } from '../rules/settings.ts'
import { revocationSettings } from '../sessions/settings.ts'
import type { RevocationTarget } from '../sessions/types.ts'
import type { RecentActivity } from '../telemetry/recent_activity.ts'
import { version } from '../version.ts'
import type { Config } from './config.ts'

/** An HTTP request has no deadline, so a decision gets this time. */
const DECISION_TIMEOUT_MS = 10_000

export interface ApiDependencies
  extends Omit<RulesDependencies, 'publicConfig'>,
    JwksDependencies,
    Pick<DecisionsDependencies, 'snapshot' | 'onDecision' | 'overload'> {
  readonly settings: SettingValues
  readonly clock: Clock
  readonly tls: TlsIdentity | undefined
  readonly ready: () => boolean
  /** Resolves to true once Redis has accepted the revocation, to false while it is queued. */
  readonly revoke: (source: 'api', revoked: RevocationTarget) => Promise<boolean>
  readonly onRevocationRejected: RevocationDependencies['onRejected']
  readonly onError: (where: string, error: unknown) => void
  /** `undefined` where the admin API is not enabled. */
  readonly recent: RecentActivity | undefined
  /** The state of the service, for the admin API. */
  readonly adminStatus: () => object
  readonly reload: () => Promise<void>
}

/** Rejects when the address cannot be listened on. */
export async function startApiListener(dependencies: ApiDependencies): Promise<ApiServer> {
  const { settings, clock } = dependencies
  const routes = [
    healthRoutes({ ready: dependencies.ready, version }),
    jwksRoute(dependencies),
    rulesRoutes({ ...dependencies, publicConfig: createPublicConfig(HANDLERS) }),
  ]
  if (settings.get(decisionApiSettings.decisions)) {
    const { snapshot, onDecision, overload } = dependencies
    const trusted = trustedProxyMatcher(settings)
    const paths = pathMode(settings)
    routes.unshift(
      decisionsRoute({
        snapshot,
        onDecision,
        overload,
        now: clock.now,
        paths,
        isTrustedProxy: trusted,
        directOverrides: directOverrides(settings),
        timeoutMs: DECISION_TIMEOUT_MS,
      }),
    )
  }
  const keys = settings.get(revocationSettings.keys)
  if (keys.length > 0) {
    routes.push(
      revocationsRoute({
        keys,
        clock,
        revoke: revoked => dependencies.revoke('api', revoked),
        onRejected: dependencies.onRevocationRejected,
      }),
    )
  }
  const admin = createAdminRoutes(dependencies)
  if (admin !== undefined) routes.push(admin.route)
  const cors = corsOptions(settings)
  const server = await startApiServer({
    ...apiListenAddress(settings),
    timeouts: apiTimeouts(settings),
    maxConnections: settings.get(decisionApiSettings.maxConnections),
    routes,
    cors: cors && createCorsPolicy(cors),
    tls: dependencies.tls,
    onError: error => dependencies.onError('api', error),
  })
  return {
    address: server.address,
    close() {
      // A server that closes waits for its responses, and a stream has no end of its own.
      admin?.close()
      return server.close()
    },
  }
}

function createAdminRoutes({ settings, clock, recent, revoke, reload, adminStatus }: ApiDependencies) {
  if (recent === undefined) return undefined
  return adminRoutes({
    authorize: createAdminAuthorization({ keys: settings.get(adminSettings.keys), clock }),
    recent,
    wall: clock.wall,
    status: adminStatus,
    reload,
    revoke: revoked => revoke('api', revoked),
  })
}

/** URLs of the key sets of `id_token`, in the configuration and in all rules. */
export function signingKeySetUrls(
  { handlers }: Pick<Config, 'handlers'>,
  rules: readonly AccessRule[],
): readonly string[] {
  const configs = rules.flatMap(rule =>
    rule.mutators.flatMap(mutator => (mutator.handler === 'id_token' ? [mutator.config] : [])),
  )
  const urls = [handlers.mutator.get('id_token')?.config, ...configs].map(
    config => (config as { readonly jwks_url?: unknown } | undefined)?.jwks_url,
  )
  return [...new Set(urls.filter(url => typeof url === 'string'))]
}
