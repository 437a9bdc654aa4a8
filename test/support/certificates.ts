/** test/fakes/certificates — a throw-away authority and what it has signed, made by openssl. Knows no server. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Why there can be no certificates here; false where there can. */
export const skipWithoutOpenssl: string | false = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'there is no openssl to make a certificate with'
  }
})()

export interface CertificateAuthority {
  /** Path of a PEM file: `ca.pem`, `NAME.pem`, `NAME.key`. */
  file(name: string): string
  read(name: string): Buffer
  /** Writes `NAME.pem` and `NAME.key`; with addresses and names a server's, without a client's. */
  issue(name: string, subject: string, alternatives?: string): void
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']

/** In a folder of its own, which the caller removes. */
export function createCertificateAuthority(folder: string): CertificateAuthority {
  const file = (name: string): string => join(folder, name)
  const createCertificate = (name: string, subject: string, more: readonly string[]): void => {
    const out = ['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', subject]
    execFileSync('openssl', ['req', '-x509', ...NEW_KEY, ...out, ...more], { stdio: 'ignore', cwd: folder })
  }
  createCertificate('ca', '/CN=throw-away authority', [])
  return {
    file,
    read: name => readFileSync(file(name)),
    issue(name, subject, alternatives) {
      const names = alternatives === undefined ? [] : ['-addext', `subjectAltName=${alternatives}`]
      createCertificate(name, subject, ['-CA', 'ca.pem', '-CAkey', 'ca.key', ...names])
    },
  }
}
