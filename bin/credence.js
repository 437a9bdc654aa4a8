#!/usr/bin/env node
/** bin/credence — the launcher: runs the service with a new enough Node. Knows nothing of its commands. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const OLDEST = 24
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
// A checkout has sources, and Node runs them as they are; a package has only what was built of them.
const source = join(root, 'src', 'main.ts')
const program = existsSync(source) ? source : join(root, 'dist', 'main.js')

if (program === source && !existsSync(join(root, 'node_modules'))) {
  console.error('credence: its dependencies are not installed. In a checkout run `npm ci` first.')
  process.exit(1)
} else if (Number(process.versions.node.split('.')[0]) >= OLDEST) await import(pathToFileURL(program).href)
else inNewerNode()

/** npm brings a newer Node along as `node-linux-*`, here or beside this package. */
function newerNode() {
  const name = join(`node-linux-${process.arch}`, 'bin', 'node')
  const places = [join(root, 'node_modules', name), join(root, '..', name)]
  return process.platform === 'linux' ? places.find(file => existsSync(file)) : undefined
}

function inNewerNode() {
  const node = newerNode()
  if (node === undefined) {
    const found = process.versions.node
    console.error(
      `credence needs Node ${OLDEST} or newer, and this is ${found}. In a checkout run \`npm ci\` first.`,
    )
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal))
  }
  // At a terminal Ctrl-C reaches the child by itself; a second SIGINT would mean "at once".
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.on('error', error => {
    console.error(`credence: ${node} could not be started: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}
