/** Starts one Credence with 10 rules and a fake Kratos, for groups that do not compare servers. */

import { type FakeKratos, startFakeKratos } from './fake_kratos.ts'
import { sessionConfig, sessionRules } from './rules_and_checks.ts'
import { type RunningServer, startCredenceServer } from './servers.ts'

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
