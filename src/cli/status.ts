/** Prints the state of a running service. */
import type { describeService } from '../api/admin/service_status.ts'
import { AdminError, createAdminClient } from './admin_client.ts'
import type { Streams } from './arguments.ts'

type ServiceState = ReturnType<typeof describeService>

/** Resolves to the exit code: 0 ready and nothing to look at, 3 something to look at, 5 if the service cannot be asked. */
export async function status(
  args: { readonly server: string; readonly format: 'text' | 'json' },
  streams: Streams,
): Promise<number> {
  try {
    const state = (await createAdminClient(args.server, streams.env).call('GET', '/status')) as ServiceState
    streams.out(args.format === 'json' ? `${JSON.stringify(state)}\n` : formatStatus(state))
    return state.attention.length === 0 ? 0 : 3
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    streams.err(`credence: ${error.message}\n`)
    return 5
  }
}

function formatStatus(state: ServiceState): string {
  const { rules, sessions, kratos, redis, repositories } = state
  const last = state.last_reload as
    | {
        readonly time: string
        readonly trigger: string
        readonly outcome: string
        readonly changes: readonly string[]
      }
    | undefined
  const lines = [
    state.attention.length === 0 ? 'All is well.' : 'To look at:',
    ...state.attention.map(sentence => `  - ${sentence}`),
    '',
    row(
      'service',
      `Credence ${state.version}, ${state.ready ? 'ready' : 'not ready'}, started ${state.started}`,
    ),
    row(
      'rules',
      `${rules.count}, revision ${rules.revision || 'none'}, ${rules.errors} errors, ${rules.warnings} warnings`,
    ),
    row(
      'last reload',
      last === undefined
        ? 'none'
        : `${last.outcome} at ${last.time} (${last.trigger}) ${last.changes.join(' ')}`,
    ),
    ...repositories.map(one => {
      const { source, state: found } = one as { readonly source: string; readonly state: string }
      return row('repository', `${found}: ${source}`)
    }),
    row('checks', `${state.checks_in_progress} in progress`),
    row(
      'sessions',
      `${sessions.cached} cached; the oldest that allowed a request was ${Math.round(sessions.oldest_used_ms / 1000)} s old`,
    ),
    row(
      'Kratos',
      `circuit breaker ${kratos.circuit_breaker}, ${kratos.in_flight} calls in flight, ${kratos.pending} waiting`,
    ),
    row(
      'Redis',
      redis === null
        ? 'not configured'
        : `${redis.connected ? 'connected' : 'not connected'}, ${redis.pending_revocations} revocations waiting`,
    ),
  ]
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`
}

const row = (name: string, text: string): string => `${name.padEnd(12)} ${text}`
