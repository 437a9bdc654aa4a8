/** Finds a Redis server, or unpacks Debian's package into the cache folder without installing it, and prints its path. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { cacheFolder, findOnPath, isEntryPoint, logProgress, runMain, UserError } from './environment.js'

/** The server, and the libraries that it needs and that may be missing on a machine without Redis. */
const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1']
const HELP = `\
Set REDIS_SERVER_BIN to a redis-server of version 6.2 or newer, or put one on PATH. On Debian and Ubuntu the setup
unpacks the distribution's package without installing it; that needs apt-get, dpkg-deb and network access.`

/**
 * Returns the path of REDIS_SERVER_BIN, else of `redis-server` on PATH, else of Debian's package in the cache folder.
 * Throws a UserError when there is none.
 */
export function findRedis() {
  if (process.env.REDIS_SERVER_BIN) {
    if (existsSync(process.env.REDIS_SERVER_BIN)) return process.env.REDIS_SERVER_BIN
    throw new UserError(`REDIS_SERVER_BIN is ${process.env.REDIS_SERVER_BIN}, but that file does not exist.`)
  }
  const found = findOnPath('redis-server')
  if (found) return found
  const installFolder = join(cacheFolder, 'redis')
  const program = join(installFolder, 'redis-server')
  if (!existsSync(program)) install(installFolder)
  return program
}

function install(installFolder) {
  if (!findOnPath('apt-get') || !findOnPath('dpkg-deb'))
    throw new UserError(`No Redis server is on PATH.\n${HELP}`)
  logProgress(`setup: unpacking Debian's redis-server into ${installFolder} (about 2 MB, once) …`)
  const stagingFolder = `${installFolder}.${process.pid}`
  try {
    unpackPackages(stagingFolder)
    // Another process may have unpacked the same packages meanwhile; the rename onto its folder would fail.
    if (!existsSync(installFolder)) renameSync(stagingFolder, installFolder)
  } finally {
    rmSync(stagingFolder, { recursive: true, force: true })
  }
}

function unpackPackages(folder) {
  const root = join(folder, 'root')
  const lists = join(folder, 'lists')
  for (const path of [root, join(lists, 'partial'), join(folder, 'archives', 'partial')])
    mkdirSync(path, { recursive: true })
  // A separate package list: the machine's may be empty, and updating it would need root.
  const options = {
    'Dir::State::lists': lists,
    'Dir::Cache': folder,
    'APT::Sandbox::User': userInfo().username,
    'Debug::NoLocking': 'true',
  }
  const apt = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  run('apt-get', [...apt, '-q', 'update'], folder)
  run('apt-get', [...apt, '-q', 'download', ...PACKAGES], folder)
  for (const file of readdirSync(folder).filter(name => name.endsWith('.deb')))
    run('dpkg-deb', ['-x', file, root], folder)
  const libraries = readdirSync(join(root, 'usr', 'lib'))
    .map(name => `"$home/root/usr/lib/${name}"`)
    .join(':')
  const launcher = join(folder, 'redis-server')
  writeFileSync(
    launcher,
    `#!/bin/sh\nhome=$(dirname "$0")\nLD_LIBRARY_PATH=${libraries} exec "$home/root/usr/bin/redis-server" "$@"\n`,
  )
  chmodSync(launcher, 0o755)
  rmSync(lists, { recursive: true })
  run(launcher, ['--version'], folder)
}

function run(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (result.status === 0) return
  logProgress(`${result.stderr ?? ''}`.trimEnd())
  const step = args.at(-1) === '--version' ? program : args.at(-1)
  throw new UserError(`Unpacking a Redis server failed at \`${step}\`.\n${HELP}`)
}

if (isEntryPoint(import.meta.url)) await runMain(() => void console.log(findRedis()))
