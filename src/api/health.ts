/** The routes `/health/alive`, `/health/ready` and `/version`. */
import { jsonErrorReply, jsonReply } from './reply.ts'
import type { Route } from './server.ts'

/**
 * Liveness depends on nothing outside the process, so that an outage of Kratos restarts no replica. Readiness
 * requires that all rule repositories are loaded and that the service does not drain.
 */
export function healthRoutes(dependencies: { ready: () => boolean; version: string }): Route {
  return ({ method, path }) => {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (path === '/health/alive') return jsonReply(200, { status: 'ok' })
    if (path === '/version') return jsonReply(200, { version: dependencies.version })
    if (path !== '/health/ready') return undefined
    return dependencies.ready()
      ? jsonReply(200, { status: 'ok' })
      : jsonErrorReply(
          503,
          'Not every rule repository has been loaded, or the service is draining or overloaded',
        )
  }
}
