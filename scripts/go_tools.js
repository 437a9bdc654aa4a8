/** Builds the Go programs of the gRPC tests into the cache folder; needs Go. */
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

/** Changes with the programs or their versions, so that the cache folder never holds old ones under this name. */
const folder = join(cacheFolder, 'go-tools-1')
const module = join(projectRoot, 'test', 'integration', 'grpc', 'tools')

const TOOLS = {
  h2spec: 'github.com/summerwind/h2spec/cmd/h2spec',
  grpc_client: './grpc_client',
}

/** Builds what the cache folder lacks. Returns the programs' paths by name; throws `UserError` without Go. */
export function buildGoTools() {
  const paths = Object.fromEntries(Object.keys(TOOLS).map(name => [name, join(folder, name)]))
  for (const [name, source] of Object.entries(TOOLS))
    if (!existsSync(paths[name])) build(name, source, paths[name])
  return paths
}

function build(name, source, path) {
  if (!findOnPath('go')) throw new UserError(`${name} cannot be built: Go is not on PATH.`)
  mkdirSync(folder, { recursive: true })
  logProgress(`setup: building ${name} from the Go module registry …`)
  const options = { cwd: module, stdio: ['ignore', 2, 2], env: { ...process.env, GOWORK: 'off' } }
  const { status } = spawnSync('go', ['build', '-trimpath', '-o', path, source], options)
  if (status !== 0) throw new UserError(`Building ${name} failed; Go's message is above.`)
}

if (isEntryPoint(import.meta.url)) await runMain(() => void console.log(JSON.stringify(buildGoTools())))
