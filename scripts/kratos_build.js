/** Builds Ory Kratos from the Go module registry into the cache folder; needs Go and a C compiler. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findOnPath, isEntryPoint, logProgress, projectRoot, runMain, UserError } from './environment.js'
import { kratosBinary, VERSION } from './kratos.js'

/** Returns why Kratos cannot be built on this machine, or undefined. SQLite is C, so Go needs a C compiler. */
export function missingToBuild() {
  const go = findOnPath('go')
  if (!go) return 'Go is not on PATH'
  const env = spawnSync(go, ['env', 'GOVERSION'], { encoding: 'utf8', cwd: projectRoot })
  const version = env.stdout?.trim() ?? ''
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? []
  if (Number(major) === 1 && Number(minor) < 23) return `Go is ${version}, but 1.23 or newer is needed`
  return ['gcc', 'clang', 'cc'].some(findOnPath) ? undefined : 'no C compiler is on PATH'
}

/** Builds Kratos unless the cache folder has it; returns the path of the binary. */
export async function buildKratos() {
  if (existsSync(kratosBinary)) return kratosBinary
  const missing = missingToBuild()
  if (missing) throw new UserError(`Kratos ${VERSION} cannot be built on this machine: ${missing}.`)
  const stagingFile = `${kratosBinary}.${process.pid}`
  mkdirSync(dirname(kratosBinary), { recursive: true })
  logProgress(`setup: building Ory Kratos ${VERSION} from source (two to four minutes, once) …`)
  const code = await runGo([
    'build',
    '-tags',
    'sqlite',
    '-trimpath',
    `-ldflags=-s -w -X github.com/ory/kratos/driver/config.Version=${VERSION}`,
    '-o',
    stagingFile,
    '.',
  ])
  if (code !== 0) {
    rmSync(stagingFile, { force: true })
    throw new UserError(`Building Kratos ${VERSION} failed; Go's message is above.`)
  }
  renameSync(stagingFile, kratosBinary)
  return kratosBinary
}

function runGo(args) {
  const started = Date.now()
  const progress = setInterval(() => logProgress(`setup: still building Kratos, ${elapsed(started)}`), 30_000)
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: join(projectRoot, 'test', 'integration', 'kratos', 'server'),
      stdio: ['ignore', 2, 2],
      env: { ...process.env, CGO_ENABLED: '1', GOWORK: 'off' },
    })
    child.on('error', reject)
    child.on('exit', code => resolve(code ?? 1))
  }).finally(() => clearInterval(progress))
}

function elapsed(started) {
  const seconds = Math.round((Date.now() - started) / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} min …`
}

if (isEntryPoint(import.meta.url)) {
  await runMain(async () => void logProgress(`setup: Kratos ${VERSION} is ${await buildKratos()}`))
}
