/** Unpacks programs of Debian packages into the cache folder without installing them. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { cacheFolder, findOnPath, logProgress, UserError } from './environment.js'

/**
 * Returns the path of a launcher for `program` of `packages`, which must include the libraries that it needs and that may
 * be missing on a machine. `programFolder` is where the packages put it. Throws a UserError that ends with `help` when
 * they cannot be unpacked.
 */
export function unpackDebianProgram({
  folder: name,
  program,
  programFolder = 'usr/bin',
  packages,
  megabytes = 2,
  help,
}) {
  const folder = join(cacheFolder, name)
  const launcher = join(folder, program)
  if (existsSync(launcher)) return launcher
  if (!findOnPath('apt-get') || !findOnPath('dpkg-deb'))
    throw new UserError(`${program} is not on PATH.\n${help}`)
  logProgress(`setup: unpacking Debian's ${packages[0]} into ${folder} (about ${megabytes} MB, once) …`)
  const stagingFolder = `${folder}.${process.pid}`
  try {
    unpackPackages(stagingFolder, { program, programFolder, packages, help })
    // Another process may have unpacked the same packages meanwhile; the rename onto its folder would fail.
    if (!existsSync(folder)) renameSync(stagingFolder, folder)
  } finally {
    rmSync(stagingFolder, { recursive: true, force: true })
  }
  return launcher
}

function unpackPackages(folder, { program, programFolder, packages, help }) {
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
  run('apt-get', [...apt, '-q', 'update'], folder, help)
  run('apt-get', [...apt, '-q', 'download', ...packages], folder, help)
  for (const file of readdirSync(folder).filter(name => name.endsWith('.deb')))
    run('dpkg-deb', ['-x', file, root], folder, help)
  const files = readdirSync(join(root, 'usr', 'lib'), { recursive: true })
  const libraryFolders = new Set(files.filter(file => /\.so(?:\.|$)/.test(file)).map(file => dirname(file)))
  const libraries = [...libraryFolders].map(name => `"$home/root/usr/lib/${name}"`).join(':')
  const launcher = join(folder, program)
  writeFileSync(
    launcher,
    `#!/bin/sh\nhome=$(dirname "$0")\nLD_LIBRARY_PATH=${libraries} exec "$home/root/${programFolder}/${program}" "$@"\n`,
  )
  chmodSync(launcher, 0o755)
  rmSync(lists, { recursive: true })
  run(launcher, ['--version'], folder, help)
}

function run(program, args, cwd, help) {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (result.status === 0) return
  logProgress(`${result.stderr ?? ''}`.trimEnd())
  const step = args.at(-1) === '--version' ? program : args.at(-1)
  throw new UserError(`Unpacking failed at \`${step}\`.\n${help}`)
}
