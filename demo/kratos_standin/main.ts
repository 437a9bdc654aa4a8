/** Runs the stand-in as a process: `node demo/kratos_standin/main.ts KRATOS.YML`. */
import { readFileSync } from 'node:fs'
import { parseStandInSettings } from './settings.ts'
import { STAND_IN_NAME, startStandIn } from './standin.ts'

const file = process.argv[2]
if (file === undefined) {
  console.error('usage: node demo/kratos_standin/main.ts KRATOS.YML')
  process.exit(2)
}
const settings = parseStandInSettings(readFileSync(file, 'utf8'))
const standIn = await startStandIn(settings)
console.log(
  `${STAND_IN_NAME}: public ${settings.public.baseUrl}, admin ${settings.admin.baseUrl}, loopback only`,
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => standIn.close().then(() => process.exit(0)))
}
