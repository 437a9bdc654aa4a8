/** scripts/redis — finds a real Redis server or unpacks Debian's into the cache folder; prints its path. Starts nothing, installs nothing. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { cache, isMain, main, onPath, say, Trouble } from './paths.js'

/** The server, and libraries that it needs and that a machine without Redis may lack. */
const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1']
const HELP = `\
Set REDIS_SERVER_BIN to a redis-server from 6.2 on, or put one on PATH; on Debian and Ubuntu it is unpacked from their
package without being installed, which needs apt-get, dpkg-deb and the network.`

/** REDIS_SERVER_BIN, else `redis-server` on PATH, else Debian's package unpacked. Throws a Trouble where there is none. */
export function findRedis() {
  if (process.env.REDIS_SERVER_BIN) {
    if (existsSync(process.env.REDIS_SERVER_BIN)) return process.env.REDIS_SERVER_BIN
    throw new Trouble(`REDIS_SERVER_BIN names ${process.env.REDIS_SERVER_BIN}, and there is no such file.`)
  }
  const found = onPath('redis-server')
  if (found) return found
  const home = join(cache, 'redis')
  const program = join(home, 'redis-server')
  if (!existsSync(program)) unpack(home)
  return program
}

function unpack(home) {
  if (!onPath('apt-get') || !onPath('dpkg-deb')) throw new Trouble(`There is no Redis server here.\n${HELP}`)
  say(`setup: unpacking Debian's redis-server into ${home} (about 2 MB, once) …`)
  const unfinished = `${home}.${process.pid}`
  try {
    fill(unfinished)
    // Whoever was faster has unpacked the same.
    if (!existsSync(home)) renameSync(unfinished, home)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

function fill(folder) {
  const root = join(folder, 'root')
  const lists = join(folder, 'lists')
  for (const one of [root, join(lists, 'partial'), join(folder, 'archives', 'partial')])
    mkdirSync(one, { recursive: true })
  // A package list of our own: the machine's may be empty, and is not ours to refresh.
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
  writeFileSync(
    join(folder, 'redis-server'),
    `#!/bin/sh\nhome=$(dirname "$0")\nLD_LIBRARY_PATH=${libraries} exec "$home/root/usr/bin/redis-server" "$@"\n`,
  )
  chmodSync(join(folder, 'redis-server'), 0o755)
  rmSync(lists, { recursive: true })
  run(join(folder, 'redis-server'), ['--version'], folder)
}

function run(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (result.status === 0) return
  say(`${result.stderr ?? ''}`.trimEnd())
  throw new Trouble(
    `Unpacking a Redis server failed at \`${args.at(-1) === '--version' ? program : args.slice(-1)}\`.\n${HELP}`,
  )
}

if (isMain(import.meta.url)) await main(() => void console.log(findRedis()))
