#!/usr/bin/env node
/** The launcher: runs the service with a Node that is new enough. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { keepCompiledCode } from './compile_cache.js'

const MIN_NODE_MAJOR = 24
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
// Node runs the sources of a checkout by type stripping; a package contains only the compiled files.
const source = join(root, 'src', 'main.ts')
const program = existsSync(source) ? source : join(root, 'dist', 'main.js')

if (program === source && !existsSync(join(root, 'node_modules'))) {
  console.error('credence: the dependencies are not installed. In a checkout, run `npm ci` first.')
  process.exit(1)
} else if (Number(process.versions.node.split('.')[0]) >= MIN_NODE_MAJOR) {
  if (program !== source) keepCompiledCode(root)
  await import(pathToFileURL(program).href)
} else runWithBundledNode()

/** npm installs a Node as `node-linux-*`, in this package's node_modules or beside this package. */
function findBundledNode() {
  const name = join(`node-linux-${process.arch}`, 'bin', 'node')
  const candidates = [join(root, 'node_modules', name), join(root, '..', name)]
  return process.platform === 'linux' ? candidates.find(file => existsSync(file)) : undefined
}

function runWithBundledNode() {
  const node = findBundledNode()
  if (node === undefined) {
    const found = process.versions.node
    console.error(
      `credence needs Node ${MIN_NODE_MAJOR} or newer; this is ${found}. In a checkout, run \`npm ci\` first.`,
    )
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal))
  }
  // At a terminal Ctrl-C reaches the child directly; a second SIGINT would end it at once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.on('error', error => {
    console.error(`credence: ${node} cannot be started: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}
