/** Installs the locked dependencies and finds a new enough Node. Must run on Node 20, before anything is installed. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { isEntryPoint, logProgress, projectRoot, runMain, UserError } from './environment.js'

const MIN_NODE_MAJOR_FOR_SCRIPTS = 20
const MIN_NODE_MAJOR_FOR_PROJECT = 24
const major = Number(process.versions.node.split('.')[0])

/** Installs the packages of package-lock.json unless node_modules matches it; returns the path of the project's Node. */
export function setup() {
  if (major < MIN_NODE_MAJOR_FOR_SCRIPTS) {
    throw new UserError(
      `This is Node ${process.versions.node}; the scripts need Node ${MIN_NODE_MAJOR_FOR_SCRIPTS} or newer.`,
    )
  }
  if (!installed()) install()
  return projectNode()
}

/** Compares with node_modules/.package-lock.json, which npm writes last, so an interrupted installation does not count. */
function installed() {
  const hidden = join(projectRoot, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden)) return false
  const wanted = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' ||
      present[path]?.version === entry.version ||
      (present[path] === undefined && entry.optional === true),
  )
}

function install() {
  logProgress('setup: installing the locked dependencies (npm ci) …')
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: projectRoot,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (result.error)
    throw new UserError(`npm could not be started (${result.error.message}). Put npm on PATH.`)
  if (result.status !== 0) throw new UserError('npm ci failed; its message is above.')
}

/** Returns the path of the Node that npm installed as a dependency, else of this one if it is new enough. */
export function projectNode() {
  const bundledNode = join(projectRoot, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  if (process.platform === 'linux' && runs(bundledNode)) return bundledNode
  if (major >= MIN_NODE_MAJOR_FOR_PROJECT) return process.execPath
  throw new UserError(
    `Credence needs Node ${MIN_NODE_MAJOR_FOR_PROJECT} or newer; this is ${process.versions.node}. Install a newer Node.\n` +
      'On Linux with glibc (x64 and arm64) npm installs one unless optional dependencies are switched off.',
  )
}

/** On musl systems npm installs the glibc binary, too, but it does not start. */
function runs(file) {
  return existsSync(file) && spawnSync(file, ['--version'], { stdio: 'ignore' }).status === 0
}

const FORWARDED_SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']

/** Runs a program with this process's terminal, forwards signals to it, and resolves to its exit code. */
export function runInForeground(program, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env })
    for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal))
    // A terminal sends Ctrl-C to the child as well. Forwarding it would be a second SIGINT, which skips the drain.
    process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)))
  })
}

if (isEntryPoint(import.meta.url)) await runMain(() => void logProgress(`setup: ready, Node is ${setup()}`))
