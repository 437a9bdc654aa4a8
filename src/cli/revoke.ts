/** Revokes sessions on a running service. */
import { AdminError, createAdminClient } from './admin_client.ts'
import type { Streams } from './arguments.ts'

export interface RevokeArguments {
  readonly server: string
  readonly identity?: string | undefined
  readonly session?: string | undefined
  readonly everything?: boolean | undefined
}

/** Resolves to the exit code: 0 revoked, 2 without exactly one target, 5 if the service cannot be asked or refuses. */
export async function revoke(args: RevokeArguments, streams: Streams): Promise<number> {
  const targets = [
    ...(args.identity === undefined ? [] : [{ identity_id: args.identity }]),
    ...(args.session === undefined ? [] : [{ session_id: args.session }]),
    ...(args.everything === true ? [{ everything: true }] : []),
  ]
  const [target] = targets
  if (target === undefined || targets.length > 1) {
    streams.err('error: give exactly one of --identity ID, --session ID and --everything\n')
    return 2
  }
  try {
    const client = createAdminClient(args.server, streams.env)
    const { published } = (await client.call('POST', '/sessions/revoke', target)) as {
      readonly published: boolean
    }
    streams.out(
      published
        ? 'Revoked. The next request asks Kratos: end the session there, too, or it is cached again.\n'
        : 'Revoked on this replica. The others follow when Redis can be reached again.\n',
    )
    return 0
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    streams.err(`credence: ${error.message}\n`)
    return 5
  }
}
