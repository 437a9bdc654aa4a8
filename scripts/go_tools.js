/** Builds the Go programs of the gRPC tests and of the benchmark into the cache folder; needs Go. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  cacheFolder,
  findOnPath,
  isEntryPoint,
  logProgress,
  projectRoot,
  runMain,
  UserError,
} from './environment.js'

/** The folders' names change with the programs or their versions, so that none holds old ones under its name. */
const TESTS = { folder: join(cacheFolder, 'go-tools-2'), module: 'test/integration/grpc/tools' }
const BENCHMARK = { folder: join(cacheFolder, 'go-bench-1'), module: 'bench/tools' }

const TOOLS = {
  h2spec: 'github.com/summerwind/h2spec/cmd/h2spec',
  grpc_client: './grpc_client',
}

/** Builds what the cache folder lacks. Returns the programs' paths by name; throws `UserError` without Go. */
export function buildGoTools() {
  return Object.fromEntries(
    Object.entries(TOOLS).map(([name, source]) => [name, buildProgram(TESTS, name, source)]),
  )
}

/** Builds the benchmark's server that does nothing, and returns its path; throws `UserError` without Go. */
const buildNoopServer = () => buildProgram(BENCHMARK, 'noop_server', './noop_server')

function buildProgram({ folder, module }, name, source) {
  const path = join(folder, name)
  if (existsSync(path)) return path
  if (!findOnPath('go')) throw new UserError(`${name} cannot be built: Go is not on PATH.`)
  mkdirSync(folder, { recursive: true })
  logProgress(`setup: building ${name} from the Go module registry …`)
  const options = {
    cwd: join(projectRoot, module),
    stdio: ['ignore', 2, 2],
    env: { ...process.env, GOWORK: 'off' },
  }
  const { status } = spawnSync('go', ['build', '-trimpath', '-o', path, source], options)
  if (status !== 0) throw new UserError(`Building ${name} failed; Go's message is above.`)
  return path
}

/** Prints the path of the benchmark's server for the argument `noop_server`, else the paths of the tests' programs. */
if (isEntryPoint(import.meta.url))
  await runMain(() =>
    console.log(process.argv[2] === 'noop_server' ? buildNoopServer() : JSON.stringify(buildGoTools())),
  )
