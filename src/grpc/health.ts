/** envoy/health — what grpc.health.v1 says of us. Follows readiness; knows not why it changes. */
import type { HealthStatus } from './server.ts'

/** Both the server as a whole and the one service (architecture 14.12). */
const SERVICES: ReadonlySet<string> = new Set(['', 'envoy.service.auth.v3.Authorization'])

export interface HealthPublisher extends HealthStatus {
  /** Tells everybody who watches that `ready` may answer otherwise now. */
  notifyChanged(): void
}

export function createHealth(ready: () => boolean): HealthPublisher {
  const watchers = new Set<() => void>()
  return {
    isServing: service => (SERVICES.has(service) ? ready() : undefined),
    watch(changed) {
      watchers.add(changed)
      return () => watchers.delete(changed)
    },
    notifyChanged() {
      for (const watcher of watchers) watcher()
    },
  }
}
