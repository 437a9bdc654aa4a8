/** Finds clients of other implementations of HTTP/2 and gRPC for the tests, and prints where they are. */
import { spawnSync } from 'node:child_process'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { unpackDebianProgram } from './debian.js'
import { cacheFolder, findOnPath, isEntryPoint, logProgress, runMain, UserError } from './environment.js'

/** Release of the PyPI package `grpcio`, the gRPC of Python on the C core. */
const GRPCIO_VERSION = '1.85.1'

/** The program, and the libraries that it needs and that may be missing on a machine. */
const H2LOAD_PACKAGES = ['nghttp2-client', 'libnghttp2-14', 'libev4', 'libjemalloc2']
const H2LOAD_HELP =
  'Put h2load on PATH. On Debian and Ubuntu the setup unpacks the package nghttp2-client; that needs network access.'

/** Returns the path of h2load on PATH, else of Debian's package in the cache folder; throws a UserError otherwise. */
export const findH2load = () =>
  findOnPath('h2load') ??
  unpackDebianProgram({
    folder: 'h2load',
    program: 'h2load',
    packages: H2LOAD_PACKAGES,
    help: H2LOAD_HELP,
  })

/** Returns the folder of grpcio for PYTHONPATH, installed from PyPI if necessary; throws a UserError otherwise. */
export function findGrpcio() {
  const folder = join(cacheFolder, `grpcio-${GRPCIO_VERSION}`)
  if (existsSync(folder)) return folder
  const python = findOnPath('python3')
  if (!python) throw new UserError('python3 is not on PATH.')
  logProgress(`setup: installing grpcio ${GRPCIO_VERSION} from PyPI into ${folder} (about 25 MB, once) …`)
  const stagingFolder = `${folder}.${process.pid}`
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:']
  const { status } = spawnSync(python, [...pip, '--target', stagingFolder, `grpcio==${GRPCIO_VERSION}`], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' },
  })
  if (status !== 0) {
    rmSync(stagingFolder, { recursive: true, force: true })
    throw new UserError("Installing grpcio failed; pip's message is above.")
  }
  // Another process may have installed the same version meanwhile; the rename onto its folder would fail.
  if (existsSync(folder)) rmSync(stagingFolder, { recursive: true, force: true })
  else renameSync(stagingFolder, folder)
  return folder
}

if (isEntryPoint(import.meta.url)) await runMain(() => void console.log(findH2load(), findGrpcio()))
