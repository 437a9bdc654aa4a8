/** scripts/kratos_build — builds a real Ory Kratos from the Go module registry into the cache folder. Needs Go and a C compiler. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { built, VERSION } from './kratos.js'
import { isMain, main, onPath, root, say, Trouble } from './paths.js'

/** What is missing to build, in words; undefined when nothing is. SQLite is C, so Go needs a compiler for it. */
export function missingToBuild() {
  const go = onPath('go')
  if (!go) return 'Go is not on PATH'
  const version = spawnSync(go, ['env', 'GOVERSION'], { encoding: 'utf8', cwd: root }).stdout?.trim() ?? ''
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? []
  if (Number(major) === 1 && Number(minor) < 23) return `Go is ${version}, and 1.23 is needed`
  return onPath('gcc') || onPath('clang') || onPath('cc') ? undefined : 'there is no C compiler on PATH'
}

/** Builds unless that was done before; returns the binary's path. */
export async function buildKratos() {
  if (existsSync(built)) return built
  const missing = missingToBuild()
  if (missing) throw new Trouble(`Kratos ${VERSION} cannot be built here: ${missing}.`)
  const unfinished = `${built}.${process.pid}`
  mkdirSync(dirname(built), { recursive: true })
  say(`setup: building Ory Kratos ${VERSION} from source (two to four minutes, once) …`)
  const code = await go([
    'build',
    '-tags',
    'sqlite',
    '-trimpath',
    `-ldflags=-s -w -X github.com/ory/kratos/driver/config.Version=${VERSION}`,
    '-o',
    unfinished,
    '.',
  ])
  if (code !== 0) {
    rmSync(unfinished, { force: true })
    throw new Trouble(`Building Kratos ${VERSION} failed; Go's message is above.`)
  }
  renameSync(unfinished, built)
  return built
}

function go(args) {
  const started = Date.now()
  const progress = setInterval(() => say(`setup: still building Kratos, ${minutes(started)}`), 30_000)
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: join(root, 'test', 'integration', 'kratos', 'server'),
      stdio: ['ignore', 2, 2],
      env: { ...process.env, CGO_ENABLED: '1', GOWORK: 'off' },
    })
    child.on('error', reject)
    child.on('exit', code => resolve(code ?? 1))
  }).finally(() => clearInterval(progress))
}

function minutes(started) {
  const seconds = Math.round((Date.now() - started) / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} min …`
}

if (isMain(import.meta.url)) {
  await main(async () => void say(`setup: Kratos ${VERSION} is ${await buildKratos()}`))
}
