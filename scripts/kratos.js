/** scripts/kratos — which Kratos the demo and the tests talk to; prints it as one line of JSON. Starts nothing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cache, isMain, main, onPath, Trouble } from './paths.js'

/** What `npm run kratos:build` builds: the newest release that the Go module registry can build. */
export const VERSION = 'v1.3.1'
export const built = join(cache, `kratos-${VERSION}`, process.platform === 'win32' ? 'kratos.exe' : 'kratos')

/**
 * A running one (KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL), else a binary (KRATOS_BIN, `kratos` on PATH, the one built
 * before), else the stand-in. CREDENCE_KRATOS=stand-in asks for the stand-in.
 */
export function findKratos() {
  const {
    KRATOS_PUBLIC_URL: publicUrl,
    KRATOS_ADMIN_URL: adminUrl,
    KRATOS_BIN,
    CREDENCE_KRATOS,
  } = process.env
  if (CREDENCE_KRATOS === 'stand-in') return { kind: 'stand-in', why: 'CREDENCE_KRATOS=stand-in' }
  if (publicUrl || adminUrl) {
    if (publicUrl && adminUrl) return { kind: 'running', publicUrl, adminUrl }
    throw new Trouble('Set both KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL, or neither.')
  }
  if (KRATOS_BIN) {
    if (existsSync(KRATOS_BIN)) return { kind: 'binary', path: KRATOS_BIN }
    throw new Trouble(`KRATOS_BIN names ${KRATOS_BIN}, and there is no such file.`)
  }
  const path = onPath('kratos') ?? (existsSync(built) ? built : undefined)
  if (path) return { kind: 'binary', path }
  return {
    kind: 'stand-in',
    why: 'no Kratos binary here; `npm run kratos:build` makes one where Go is installed',
  }
}

/** The choice in words, for the line that says which one it was. */
export function describe(kratos) {
  if (kratos.kind === 'running') return `the running Kratos at ${kratos.publicUrl}`
  if (kratos.kind === 'binary') return `a real Kratos (${kratos.path})`
  return `the STAND-IN, not Ory Kratos (${kratos.why})`
}

if (isMain(import.meta.url)) await main(() => void console.log(JSON.stringify(findKratos())))
