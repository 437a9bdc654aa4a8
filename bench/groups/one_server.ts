/** bench/groups/one_server — a Credence with 10 rules before a small Kratos, for groups that count instead of comparing. */
import { rulesOf, sessionConfig } from '../checks.ts'
import { type FakeKratos, startKratos } from '../kratos.ts'
import { type Running, startCredence } from '../servers.ts'

export async function withServer(
  config: object,
  run: (server: Running, kratos: FakeKratos) => Promise<void>,
): Promise<void> {
  const kratos = await startKratos()
  const server = await startCredence({
    rules: rulesOf(10),
    config: { ...sessionConfig(kratos.whoami), ...config },
  })
  try {
    await run(server, kratos)
  } finally {
    await server.stop()
    kratos.close()
  }
}
