/** Several replicas of Credence with one Kratos, and a client that sends each user's Checks to all of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type FakeKratos, sessionId, startFakeKratos } from './fake_kratos.ts'
import type { Connection } from './load/connection.ts'
import { connectHttp2 } from './load/http2_connection.ts'
import { counterOffset, IDENTITY_ID, sessionCheck, sessionConfig, sessionRules } from './rules_and_checks.ts'
import { type RunningServer, startCredenceServer } from './servers.ts'

const RULES = 10
const REVOCATION_KEY = 'a key of the benchmark'
const ALLOWED = Buffer.from(IDENTITY_ID)

export interface ReplicaSet {
  readonly kratos: FakeKratos
  readonly replicas: readonly RunningServer[]
  /** Resolves to whether the Check of a session is allowed. */
  check(replica: number, session: number): Promise<boolean>
  /** Revokes a session at a replica. */
  revoke(replica: number, session: number): Promise<void>
  close(): Promise<void>
}

/** `redis` is the section `sessions.redis`, or `undefined`. */
export async function startReplicas(
  count: number,
  redis: object | undefined,
  cacheTtl: string,
): Promise<ReplicaSet> {
  const kratos = await startFakeKratos()
  const replicas: RunningServer[] = []
  const connections: Connection[] = []
  const template = sessionCheck(RULES)
  const close = async () => {
    for (const connection of connections) connection.close()
    await Promise.all(replicas.map(replica => replica.stop()))
    kratos.close()
  }
  try {
    for (let i = 0; i < count; i++) {
      const replica = await startCredenceServer({
        rules: sessionRules(RULES),
        config: {
          ...sessionConfig(kratos.whoami),
          sessions: {
            cache: { ttl: cacheTtl },
            revocation: { keys: [REVOCATION_KEY] },
            ...(redis === undefined ? {} : { redis }),
          },
        },
        // Without shedding, because the replicas share one core.
        serve: { overload: { max_event_loop_delay: '0s' } },
      })
      replicas.push(replica)
      const [host = '', port = ''] = replica.address.split(':')
      connections.push(
        await connectHttp2(host, Number(port), error => {
          throw error
        }),
      )
    }
    // Replicas that have just started may not have joined the stream of revocations.
    await sleep(1_500)
  } catch (error) {
    await close()
    throw error
  }
  return {
    kratos,
    replicas,
    check(replica, session) {
      const message = Buffer.from(template)
      message.write(String(session).padStart(8, '0'), counterOffset(template))
      return new Promise(resolve => connections[replica]?.send(message, ALLOWED, resolve))
    },
    async revoke(replica, session) {
      await replicas[replica]?.fetchApi('/sessions/revocations', {
        method: 'POST',
        headers: { 'x-revocation-key': REVOCATION_KEY },
        body: JSON.stringify({ session_id: sessionId(session) }),
      })
    },
    close,
  }
}
