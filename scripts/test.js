/** Runs the test suite from a bare clone; `npm test -- test/integration/envoy` runs a part of it. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findEnvoy } from './envoy.js'
import { describe, findKratos } from './kratos.js'
import { buildKratos, missingToBuild } from './kratos_build.js'
import { main, root, say, Trouble } from './paths.js'
import { findRedis } from './redis.js'
import { foreground, setup } from './setup.js'

await main(async () => {
  const node = setup()
  const options = process.argv.slice(2).filter(one => one.startsWith('-'))
  const filters = process.argv.slice(2).filter(one => !one.startsWith('-'))
  const files = filters.length > 0 ? filters.map(filesOf) : ['test/**/*.test.ts']
  const env = { ...process.env }
  if (filters.length === 0 || filters.some(needsOthers)) {
    env.ENVOY_BIN = findEnvoy()
    const kratos = await chooseKratos()
    say(`tests: Envoy is ${env.ENVOY_BIN}`)
    say(`tests: Kratos is ${describe(kratos)}`)
  }
  if (filters.length === 0 || filters.some(needsRedis)) {
    try {
      env.REDIS_SERVER_BIN = findRedis()
      say(`tests: Redis is ${env.REDIS_SERVER_BIN}`)
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      say(`tests: tests with Redis are skipped. ${error.message}`)
    }
  }
  process.chdir(root)
  return foreground(node, ['--test', '--test-concurrency=2', ...options, ...files], env)
})

/** Tests that start an Envoy or a Kratos. */
function needsOthers(filter) {
  return /integration|demo/.test(filter) || filter === 'test' || filter === 'test/'
}

/** Tests that start a Redis server, where there is one. */
function needsRedis(filter) {
  return /integration/.test(filter) || filter === 'test' || filter === 'test/'
}

/** A folder stands for all tests in it; a file or a pattern for itself. */
function filesOf(filter) {
  const path = join(root, filter)
  return existsSync(path) && statSync(path).isDirectory()
    ? `${filter.replace(/\/$/, '')}/**/*.test.ts`
    : filter
}

/** A real Kratos wherever one is at hand or can be built; the stand-in is second best. */
async function chooseKratos() {
  const found = findKratos()
  if (found.kind !== 'stand-in' || process.env.CREDENCE_KRATOS === 'stand-in') return found
  const missing = missingToBuild()
  if (missing) return { ...found, why: `no Kratos binary here, and ${missing}` }
  try {
    await buildKratos()
  } catch (error) {
    if (!(error instanceof Trouble)) throw error
    say(`tests: ${error.message}`)
  }
  return findKratos()
}
