/** scripts/setup — locked dependencies and a new enough Node, from a bare clone. Runs on any Node from 20 on. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { isMain, main, root, say, Trouble } from './paths.js'

const OLDEST_SCRIPTS = 20
const OLDEST_PROJECT = 24
const major = Number(process.versions.node.split('.')[0])

/** Installs what package-lock.json says unless node_modules already is that; returns the project's Node. */
export function setup() {
  if (major < OLDEST_SCRIPTS) {
    throw new Trouble(
      `This is Node ${process.versions.node}; the scripts need Node ${OLDEST_SCRIPTS} or newer.`,
    )
  }
  if (!installed()) install()
  return projectNode()
}

/** npm keeps the lock of what it has installed in node_modules/.package-lock.json, written last. */
function installed() {
  const hidden = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' ||
      present[path]?.version === entry.version ||
      (present[path] === undefined && entry.optional === true),
  )
}

function install() {
  say('setup: installing the locked dependencies (npm ci) …')
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (result.error) throw new Trouble(`npm could not be started (${result.error.message}). Is it on PATH?`)
  if (result.status !== 0) throw new Trouble('npm ci failed; its message is above.')
}

/** The Node that npm installed beside the dependencies, else this one if it is new enough. */
export function projectNode() {
  const carried = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  if (process.platform === 'linux' && runs(carried)) return carried
  if (major >= OLDEST_PROJECT) return process.execPath
  throw new Trouble(
    `Credence needs Node ${OLDEST_PROJECT} or newer; this is ${process.versions.node}. On Linux (x64 and arm64, glibc) npm\n` +
      'brings one along unless optional dependencies are switched off; elsewhere install one from your usual source.',
  )
}

/** A glibc binary lies on musl systems too, and does not start there. */
function runs(file) {
  return existsSync(file) && spawnSync(file, ['--version'], { stdio: 'ignore' }).status === 0
}

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']

/** Runs a program in the foreground as if it were this one: terminal, signals, exit code. */
export function foreground(program, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env })
    for (const signal of PASSED_ON) process.on(signal, () => child.kill(signal))
    // At a terminal Ctrl-C reaches the child by itself; a second SIGINT would mean "at once".
    process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)))
  })
}

if (isMain(import.meta.url)) await main(() => void say(`setup: ready, Node is ${setup()}`))
