/** bench/groups/one_server — a Credence with 10 rules before a small Kratos, for groups that count instead of comparing. */
import { sessionConfig, sessionRules } from '../checks.ts'
import { type FakeKratos, startFakeKratos } from '../kratos.ts'
import { type RunningServer, startCredenceServer } from '../servers.ts'

export async function withServer(
  config: object,
  run: (server: RunningServer, kratos: FakeKratos) => Promise<void>,
): Promise<void> {
  const kratos = await startFakeKratos()
  const server = await startCredenceServer({
    rules: sessionRules(10),
    config: { ...sessionConfig(kratos.whoami), ...config },
  })
  try {
    await run(server, kratos)
  } finally {
    await server.stop()
    kratos.close()
  }
}
