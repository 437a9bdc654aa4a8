/** Finds Chromium without a window, or unpacks Debian's package into the cache folder, and prints its path. */
import { existsSync } from 'node:fs'
import { unpackDebianProgram } from './debian.js'
import { findOnPath, isEntryPoint, runMain, UserError } from './environment.js'

const PROGRAM = 'chromium-headless-shell'
/** The browser, and the libraries that it needs and that may be missing on a machine without a desktop. */
const PACKAGES = [
  PROGRAM,
  'chromium-common',
  ...['libasound2', 'libasyncns0', 'libatk1.0-0', 'libatspi2.0-0', 'libavahi-client3', 'libavahi-common3'],
  ...['libbrotli1', 'libbsd0', 'libdav1d6', 'libdbus-1-3', 'libdouble-conversion3', 'libdrm2', 'libexpat1'],
  ...['libffi8', 'libflac12', 'libfontconfig1', 'libfreetype6', 'libgbm1', 'libglib2.0-0', 'libgraphite2-3'],
  ...['libharfbuzz-subset0', 'libharfbuzz0b', 'libjpeg62-turbo', 'liblcms2-2', 'libmd0', 'libminizip1'],
  ...['libmp3lame0', 'libmpg123-0', 'libnspr4', 'libnss3', 'libogg0', 'libopenh264-7', 'libopenjp2-7'],
  ...['libopus0', 'libpng16-16', 'libpulse0', 'libsndfile1', 'libsqlite3-0', 'libvorbis0a', 'libvorbisenc2'],
  ...[
    'libwayland-server0',
    'libx11-6',
    'libxau6',
    'libxcb1',
    'libxcb-randr0',
    'libxcomposite1',
    'libxdamage1',
  ],
  ...['libxdmcp6', 'libxext6', 'libxfixes3', 'libxi6', 'libxkbcommon0', 'libxnvctrl0', 'libxrandr2'],
  ...['libxrender1', 'libzstd1'],
]
const HELP = `\
Set CHROMIUM_BIN to a Chromium, or put chromium on PATH. On Debian 12 the setup unpacks the distribution's package
without installing it; that needs apt-get, dpkg-deb and network access.`

/**
 * Returns the path of CHROMIUM_BIN, else of a Chromium on PATH, else of Debian's package in the cache folder. Throws a
 * UserError when there is none.
 */
export function findChromium() {
  if (process.env.CHROMIUM_BIN) {
    if (existsSync(process.env.CHROMIUM_BIN)) return process.env.CHROMIUM_BIN
    throw new UserError(`CHROMIUM_BIN is ${process.env.CHROMIUM_BIN}, but that file does not exist.`)
  }
  const found = [PROGRAM, 'chromium', 'google-chrome'].map(name => findOnPath(name)).find(path => path)
  if (found) return found
  return unpackDebianProgram({
    folder: 'chromium',
    program: PROGRAM,
    // /usr/bin has a script that names the folder of an installed package.
    programFolder: 'usr/lib/chromium',
    packages: PACKAGES,
    megabytes: 95,
    help: HELP,
  })
}

if (isEntryPoint(import.meta.url)) await runMain(() => void console.log(findChromium()))
