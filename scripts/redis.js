/** Finds a Redis server, or unpacks Debian's package into the cache folder without installing it, and prints its path. */
import { existsSync } from 'node:fs'
import { unpackDebianProgram } from './debian.js'
import { findOnPath, isEntryPoint, runMain, UserError } from './environment.js'

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
  return unpackDebianProgram({ folder: 'redis', program: 'redis-server', packages: PACKAGES, help: HELP })
}

if (isEntryPoint(import.meta.url)) await runMain(() => void console.log(findRedis()))
