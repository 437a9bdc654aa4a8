/** Chooses the Kratos that the demo and the tests use, and prints the choice as one line of JSON. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, findOnPath, isEntryPoint, runMain, UserError } from './environment.js'

/** What `npm run kratos:build` builds: the newest release that builds from the Go module registry. */
export const VERSION = 'v1.3.1'
const binaryName = process.platform === 'win32' ? 'kratos.exe' : 'kratos'
export const kratosBinary = join(cacheFolder, `kratos-${VERSION}`, binaryName)

/**
 * Returns, in this order: the running Kratos of KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL; a binary (KRATOS_BIN,
 * `kratos` on PATH, the one built by `npm run kratos:build`); the stand-in. CREDENCE_KRATOS=stand-in forces the stand-in.
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
    throw new UserError('Set both KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL, or neither.')
  }
  if (KRATOS_BIN) {
    if (existsSync(KRATOS_BIN)) return { kind: 'binary', path: KRATOS_BIN }
    throw new UserError(`KRATOS_BIN is ${KRATOS_BIN}, but that file does not exist.`)
  }
  const path = findOnPath('kratos') ?? (existsSync(kratosBinary) ? kratosBinary : undefined)
  if (path) return { kind: 'binary', path }
  return {
    kind: 'stand-in',
    why: 'no Kratos binary found; `npm run kratos:build` builds one where Go is installed',
  }
}

/** Describes the choice for a progress line. */
export function describeKratos(kratos) {
  if (kratos.kind === 'running') return `the running Kratos at ${kratos.publicUrl}`
  if (kratos.kind === 'binary') return `a real Kratos (${kratos.path})`
  return `the STAND-IN, not Ory Kratos (${kratos.why})`
}

if (isEntryPoint(import.meta.url)) await runMain(() => void console.log(JSON.stringify(findKratos())))
