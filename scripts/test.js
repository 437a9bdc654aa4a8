/** Runs the test suite from a fresh clone; `npm test -- test/integration/envoy` runs part of it. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findChromium } from './chromium.js'
import { logProgress, projectRoot, runMain, UserError } from './environment.js'
import { findEnvoy } from './envoy.js'
import { buildGoTools } from './go_tools.js'
import { findGrpcio, findH2load } from './grpc_clients.js'
import { describeKratos, findKratos } from './kratos.js'
import { buildKratos, missingToBuild } from './kratos_build.js'
import { findRedis } from './redis.js'
import { runInForeground, setup } from './setup.js'

await runMain(async () => {
  const node = setup()
  const options = process.argv.slice(2).filter(argument => argument.startsWith('-'))
  const filters = process.argv.slice(2).filter(argument => !argument.startsWith('-'))
  const files = filters.length > 0 ? filters.map(filesOf) : ['test/**/*.test.ts']
  const env = { ...process.env }
  if (filters.length === 0 || filters.some(needsEnvoyOrKratos)) {
    env.ENVOY_BIN = findEnvoy()
    const kratos = await chooseKratos()
    logProgress(`tests: Envoy is ${env.ENVOY_BIN}`)
    logProgress(`tests: Kratos is ${describeKratos(kratos)}`)
  }
  if (filters.length === 0 || filters.some(isIntegration)) {
    findOptional('Redis', () => {
      env.REDIS_SERVER_BIN = findRedis()
      return env.REDIS_SERVER_BIN
    })
    findOptional('h2spec', () => {
      const { h2spec, grpc_client: client } = buildGoTools()
      Object.assign(env, { H2SPEC_BIN: h2spec, GRPC_GO_CLIENT_BIN: client })
      return h2spec
    })
    findOptional('Chromium', () => {
      env.CHROMIUM_BIN = findChromium()
      return env.CHROMIUM_BIN
    })
    findOptional('h2load', () => {
      env.H2LOAD_BIN = findH2load()
      return env.H2LOAD_BIN
    })
    findOptional('grpcio', () => {
      env.GRPCIO_PATH = findGrpcio()
      return env.GRPCIO_PATH
    })
  }
  process.chdir(projectRoot)
  return runInForeground(node, ['--test', '--test-concurrency=2', ...options, ...files], env)
})

/** Whether the filter selects tests that start Envoy or Kratos. */
function needsEnvoyOrKratos(filter) {
  return /integration|demo/.test(filter) || filter === 'test' || filter === 'test/'
}

/** Logs the path of a program. Tests that need it are skipped where there is none. */
function findOptional(name, find) {
  try {
    logProgress(`tests: ${name} is ${find()}`)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    logProgress(`tests: skipping tests that need ${name}. ${error.message}`)
  }
}

/** Whether the filter selects tests that start other programs. */
function isIntegration(filter) {
  return /integration/.test(filter) || filter === 'test' || filter === 'test/'
}

/** Turns a folder into a pattern for all tests in it; keeps a file or a pattern as it is. */
function filesOf(filter) {
  const path = join(projectRoot, filter)
  return existsSync(path) && statSync(path).isDirectory()
    ? `${filter.replace(/\/$/, '')}/**/*.test.ts`
    : filter
}

/** Prefers a real Kratos, built if necessary, because the stand-in cannot prove how Kratos behaves. */
async function chooseKratos() {
  const found = findKratos()
  if (found.kind !== 'stand-in' || process.env.CREDENCE_KRATOS === 'stand-in') return found
  const missing = missingToBuild()
  if (missing) return { ...found, why: `no Kratos binary found, and ${missing}` }
  try {
    await buildKratos()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    logProgress(`tests: ${error.message}`)
  }
  return findKratos()
}
