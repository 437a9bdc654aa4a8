/** The health of the server and its services, for `grpc.health.v1`. */
import type { HealthStatus } from './server.ts'

export interface HealthPublisher extends HealthStatus {
  /** Notifies all watchers that `ready` may return another value now. */
  notifyChanged(): void
}

/**
 * Health of `services` and of the server as a whole, whose name is empty. All of them serve while `ready`
 * returns true.
 */
export function createHealth(ready: () => boolean, services: readonly string[]): HealthPublisher {
  const known: ReadonlySet<string> = new Set(['', ...services])
  const watchers = new Set<() => void>()
  return {
    isServing: service => (known.has(service) ? ready() : undefined),
    watch(changed) {
      watchers.add(changed)
      return () => watchers.delete(changed)
    },
    notifyChanged() {
      for (const watcher of watchers) watcher()
    },
  }
}
